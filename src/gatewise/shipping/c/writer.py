"""Writes the statements of a step: loops over arrays, whose places in the memory follow from their use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor

from gatewise.compiler.c_runtime import literal
from gatewise.shipping.c.arrays import BYTES, WHOLE, Array, View, kind_of, places, whole
from gatewise.shipping.c.constants import Constants, double, whole_number

INDICES = "ijklmnpq"  # of loops over elements
INNER = "abcdefgh"  # of loops over what is reduced
LOCALS = ("best", "largest", "length", "mean", "moved", "row", "state", "step", "sum", "value")
Operand = View | Tensor | str  # a tensor, or the text of a number


class Writer:
    """The statements of a step, and the arrays that they use.

    constants: the constant arrays; functions: those of layers; calls: the functions of the runtime
    """

    now: int
    name: str

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.functions: list[str] = []
        self.calls: set[str] = set()
        self.now, self.name = 0, ""  # the node of the graph that is written
        self._arrays: list[Array] = []
        self._statements: list[str | Array] = []

    def write(self, *statements: str) -> None:
        """Adds lines."""
        self._statements += statements

    def new(self, shape: Sequence[int], dtype: torch.dtype) -> View:
        """An array for the result of a node."""
        name = f"v{len(self._arrays)}_{self.name}"
        array = Array(name, prod(shape), kind_of(dtype), self.now, self.now)
        self._arrays.append(array)
        self._statements += [array] if array.size else []
        return whole(array, shape, dtype)

    def view(self, value: View | Tensor) -> View:
        """A tensor as an array: a constant becomes one."""
        if isinstance(value, View):
            self.use(value)
            return value
        return whole(self.constants.array(value), value.shape, value.dtype)

    def contiguous(self, value: View | Tensor) -> View:
        """An operand as an array whose elements follow each other."""
        own = self.view(value)
        return own if own.is_contiguous else self.copy(own)

    def copy(self, value: View | Tensor) -> View:
        """A copy in order."""
        own = self.view(value)
        return self.elementwise(own.shape, own.dtype, lambda one: one, [own])

    def use(self, view: View) -> None:
        """Notes that a node reads or writes an array."""
        view.array.dies = max(view.array.dies, self.now)

    def elementwise(
        self, shape: Sequence[int], dtype: torch.dtype, value: Callable[..., str], operands: Sequence[Operand]
    ) -> View:
        """A new array, each element from those of the operands, which are broadcast."""
        if 0 in shape:
            return self.new(shape, dtype)
        known = [one if isinstance(one, str) else broadcast(self.view(one), shape) for one in operands]
        out = self.new(shape, dtype)
        self.assign(out, value, known)
        return out

    def assign(self, out: View, value: Callable[..., str], operands: Sequence[View | str]) -> None:
        """Sets each element of an array. operands: of its shape, or numbers"""
        views = [one for one in operands if isinstance(one, View)]
        for one in [out, *views]:
            self.use(one)

        def body(index: Callable[[View], str]) -> list[str]:
            texts = [index(one) if isinstance(one, View) else one for one in operands]
            return [f"{index(out)} = {value(*texts)};"]

        self.loops(out.shape, [out, *views], body)

    def loops(
        self,
        shape: Sequence[int],
        views: Sequence[View],
        body: Callable[[Callable[[View], str]], list[str]],
        indices: str = INDICES,
    ) -> None:
        """Loops over all elements of views of one shape; axes that follow each other become one loop."""
        sizes, strides = _merged(shape, views)
        if 0 in shape:
            return
        names = indices[: len(sizes)]

        def index(view: View) -> str:
            own = next(k for k, one in enumerate(views) if one is view)
            return f"{view.array.name}[{affine(view.offset, names, strides[own])}]"

        lines = body(index)
        for depth, (name, size) in enumerate(zip(names, sizes, strict=True)):
            last = depth == len(sizes) - 1 and len(lines) > 1
            self.write(f"{'    ' * depth}for (int {name} = 0; {name} < {size}; {name}++)" + " {" * last)
        block = len(lines) > 1
        if block and not sizes:  # variables of its own
            self.write("{")
        indent = "    " * max(len(sizes), block)
        self.write(*(indent + line for line in lines))
        if block:
            self.write("    " * max(len(sizes) - 1, 0) + "}")

    def body(self) -> tuple[list[str], dict[str, int]]:
        """The statements, with the declarations of arrays, and the size of the memory of each kind."""
        offsets: dict[Array, int] = {}
        sizes: dict[str, int] = {}
        for kind in BYTES:
            found, size = places([one for one in self._arrays if one.kind == kind])
            offsets |= found
            if size:
                sizes[kind] = size
        lines = []
        for one in self._statements:
            if isinstance(one, Array):
                memory = f"state->memory_{one.kind.removesuffix('_t')}"
                one = f"{one.kind} *const {one.name} = {memory} + {offsets[one]};"
            lines.append(one)
        return lines, sizes


def number(value: float, kind: str) -> str:
    """A number of C in a type."""
    if kind in WHOLE:
        return whole_number(int(value))
    return literal(value) if kind == "float" else double(value)


def broadcast(view: View, shape: Sequence[int]) -> View:
    """A view with the elements of another shape, as in PyTorch."""
    return view.changed(torch.ops.aten.expand.default, list(shape))


def affine(offset: int, names: str, strides: Sequence[int]) -> str:
    """An index, `2 + i * 3 + j`."""
    terms = [str(offset)] if offset else []
    terms += [
        name if one == 1 else f"{name} * {one}" for name, one in zip(names, strides, strict=True) if one
    ]
    return " + ".join(terms) or "0"


def _merged(shape: Sequence[int], views: Sequence[View]) -> tuple[list[int], list[list[int]]]:
    """The sizes of as few loops as possible, and the strides of each view along them."""
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    sizes: list[int] = []
    strides: list[list[int]] = [[] for _ in views]
    for axis in axes:
        own = [view.strides[axis] for view in views]
        size = shape[axis]
        if sizes and all(one[-1] == stride * size for one, stride in zip(strides, own, strict=True)):
            sizes[-1] *= size
            for one, stride in zip(strides, own, strict=True):
                one[-1] = stride
        else:
            sizes.append(size)
            for one, stride in zip(strides, own, strict=True):
                one.append(stride)
    return sizes, strides
