"""The axes of an operator: the part of a tensor along some of them, and loops over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import INNER, affine

Index = Callable[[View], str]


def axes_of(call: Call, count: int) -> list[int]:
    """The axes that a call names, all of a tensor if it names none. count: of the tensor"""
    given = call.get("dim")
    given = list(range(count)) if given is None or given == [] else given
    return sorted(axis % count for axis in ([given] if isinstance(given, int) else given))


def split(own: View, axes: Sequence[int]) -> tuple[View, View]:
    """The view of the first element of each reduced part, and one of the elements of the first part."""
    kept = tuple(axis for axis in range(len(own.shape)) if axis not in axes)
    outer = View(
        own.array,
        tuple(own.shape[k] for k in kept),
        tuple(own.strides[k] for k in kept),
        own.offset,
        own.dtype,
    )
    inner = View(
        own.array, tuple(own.shape[k] for k in axes), tuple(own.strides[k] for k in axes), 0, own.dtype
    )
    return outer, inner


def inner_loops(inner: View) -> tuple[list[str], str]:
    """Loops over the elements of a part, and their index within it."""
    names = INNER[: len(inner.shape)]
    lines = [
        f"{'    ' * depth}for (int {name} = 0; {name} < {size}; {name}++)"
        for depth, (name, size) in enumerate(zip(names, inner.shape, strict=True))
    ]
    return lines, affine(0, names, inner.strides)
