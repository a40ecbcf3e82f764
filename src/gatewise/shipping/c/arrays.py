"""Arrays of generated C, views of them with strides, and their places in one memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from gatewise.errors import GatewiseError

KINDS = {
    torch.float32: "float", torch.float64: "double", torch.int64: "int64_t", torch.int32: "int32_t",
    torch.bool: "int32_t",
}  # fmt: skip
WHOLE = ("int32_t", "int64_t")  # the types of whole numbers
BYTES = {"float": 4, "double": 8, "int32_t": 4, "int64_t": 8, "int8_t": 1}


def kind_of(dtype: torch.dtype) -> str:
    """The type of C for the elements of a tensor. Raises: `GatewiseError` if there is none."""
    if dtype not in KINDS:
        name = str(dtype).removeprefix("torch.")
        raise GatewiseError(f"the model computes in {name}, which C files have not; convert it by .float()")
    return KINDS[dtype]


@dataclass(eq=False)
class Array:
    """An array of C.

    kind: the type of its elements
    born, dies: the first and last node of the graph that uses it; None if it is not in the memory of a step
    """

    name: str
    size: int
    kind: str
    born: int | None = None
    dies: int = 0


@dataclass(frozen=True)
class View:
    """A tensor in an array: the element `[i, j]` is at `offset + i * strides[0] + j * strides[1]`."""

    array: Array
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    dtype: torch.dtype

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements follow each other in order."""
        expected = contiguous_strides(self.shape)
        return all(
            own == other or size == 1
            for own, other, size in zip(self.strides, expected, self.shape, strict=True)
        )

    @property
    def address(self) -> str:
        """A pointer to the first element."""
        return f"{self.array.name} + {self.offset}" if self.offset else self.array.name

    def changed(self, operator: Any, *arguments: Any) -> View:
        """The result of an operator of PyTorch that returns a view, such as `permute`."""
        return self._like(operator(self._meta(), *arguments))

    def parts(self, operator: Any, *arguments: Any) -> list[View]:
        """The results of one that returns several views, such as `split`."""
        return [self._like(one) for one in operator(self._meta(), *arguments)]

    def reshaped(self, shape: Sequence[int]) -> View:
        """The same elements in another shape."""
        return self.changed(torch.ops.aten.view.default, list(shape))

    def sliced(self, axis: int, start: int, stop: int, step: int = 1) -> View:
        """The elements between two numbers along an axis."""
        return self.changed(torch.ops.aten.slice.Tensor, axis, start, stop, step)

    def _meta(self) -> Tensor:
        """An empty tensor with the same strides."""
        empty = torch.empty(self.array.size, device="meta", dtype=self.dtype)
        return empty.as_strided(self.shape, self.strides, self.offset)

    def _like(self, meta: Tensor) -> View:
        return View(self.array, tuple(meta.shape), meta.stride(), int(meta.storage_offset()), self.dtype)


def whole(array: Array, shape: Sequence[int], dtype: torch.dtype) -> View:
    """All of an array as a tensor of a shape."""
    return View(array, tuple(shape), contiguous_strides(shape), 0, dtype)


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of elements in order.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def places(arrays: Iterable[Array]) -> tuple[dict[Array, int], int]:
    """The offset of each array in one memory, in which arrays with disjoint lifetimes overlap, and its size.

    >>> first, second = Array("a", 4, "float", 0, 1), Array("b", 3, "float", 1, 2)
    >>> third = Array("c", 4, "float", 2, 3)
    >>> found, size = places([first, second, third])
    >>> found[first], found[second], found[third], size
    (0, 4, 0, 7)
    """
    found: dict[Array, int] = {}
    for array in sorted(arrays, key=lambda one: -one.size):
        assert array.born is not None
        offset = 0
        near = (one for one in found if array.born <= one.dies and one.born <= array.dies)  # type: ignore[operator]
        for other in sorted(near, key=found.__getitem__):
            if offset + array.size <= found[other]:
                break
            offset = max(offset, found[other] + other.size)
        found[array] = offset
    return found, max((place + one.size for one, place in found.items()), default=0)
