"""Operators that follow the elements of an axis: running sums and extremes, sorting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators.axes import Index, inner_loops, split
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer, number


def _running(first: float, step: str, writer: Writer, call: Call) -> View:
    """A running sum or product along an axis."""
    own = writer.view(call["self"])
    axis = call["dim"] % len(own.shape)
    out = writer.new(call.result.shape, call.result.dtype)
    outer, inner = split(own, [axis])
    target, target_inner = split(out, [axis])
    kind = out.array.kind

    def body(index: Index) -> list[str]:
        (loop,), place = inner_loops(inner)
        _, target_place = inner_loops(target_inner)
        element, made = f"{index(outer)[:-1]} + {place}]", f"{index(target)[:-1]} + {target_place}]"
        return [f"{kind} value = {number(first, kind)};", loop, f"    {made} = value {step} {element};"]

    for one in (own, out):
        writer.use(one)
    writer.loops(outer.shape, [target, outer], body)
    return out


def _running_maximum(sign: str, writer: Writer, call: Call) -> list[View]:
    """`cummax`, `cummin`, without the numbers of elements."""
    own = writer.view(call["self"])
    axis = call["dim"] % len(own.shape)
    out = writer.copy(own)
    target, inner = split(out, [axis])

    def body(index: Index) -> list[str]:
        stride, array = inner.strides[0], index(target)[:-1]
        this, last = f"{array} + a * {stride}]", f"{array} + (a - 1) * {stride}]"
        return [
            f"for (int a = 1; a < {inner.shape[0]}; a++)",
            f"    if (!({this} {sign} {last}) && {this} == {this})",
            f"        {this} = {last};",
        ]

    writer.loops(target.shape, [target], body)
    return [out]


def _sort(writer: Writer, call: Call) -> list[View]:
    """Values in order, by insertion, and their numbers; NaN is the largest."""
    own = call["self"]
    axis = call.get("dim", -1) % len(own.shape)
    sign = "<" if call.get("descending", False) else ">"
    values = writer.copy(own)
    numbers = writer.new(values.shape, torch.int64)
    outer, inner = split(values, [axis])
    other, _ = split(numbers, [axis])
    size, stride, kind = inner.shape[0], inner.strides[0], values.array.kind

    def body(index: Index) -> list[str]:
        value, place = index(outer)[:-1], index(other)[:-1]

        def at(array: str, number: str) -> str:
            return f"{array} + {number} * {stride}]"

        before = at(value, "(b - 1)")
        nan = f"({before} != {before} && moved == moved)"
        nan = nan if sign == ">" else f"(moved != moved && {before} == {before})"
        return [
            f"for (int a = 0; a < {size}; a++) {{",
            f"    const {kind} moved = {at(value, 'a')};",
            "    int b = a;",
            f"    for (; b > 0 && ({before} {sign} moved || {nan}); b--) {{",
            f"        {at(value, 'b')} = {before};",
            f"        {at(place, 'b')} = {at(place, '(b - 1)')};",
            "    }",
            f"    {at(value, 'b')} = moved;",
            f"    {at(place, 'b')} = a;",
            "}",
        ]

    writer.loops(outer.shape, [outer, other], body)
    return [values, numbers]


def _topk(writer: Writer, call: Call) -> list[View]:
    axis, count = call.get("dim", -1), call["k"]
    ordered = replace(
        call, arguments={"self": call["self"], "dim": axis, "descending": call.get("largest", True)}
    )
    return [one.sliced(axis, 0, count) for one in _sort(writer, ordered)]


def _median(writer: Writer, call: Call) -> list[View]:
    """The lower of the two in the middle, and its number; NaN if there is one."""
    axis = call["dim"] % len(call["self"].shape)
    ordered = replace(call, arguments={"self": call["self"], "dim": axis})
    values, numbers = _sort(writer, ordered)
    size = values.shape[axis]
    middle, last = ((size - 1) // 2, size - 1)
    found = []
    for one in (values, numbers):
        of_middle, of_last, highest = (
            part.sliced(axis, place, place + 1)
            for part, place in ((one, middle), (one, last), (values, last))
        )
        chosen = [highest, of_last, of_middle]
        made = writer.elementwise(highest.shape, one.dtype, "{0} != {0} ? {1} : {2}".format, chosen)
        found.append(made.reshaped(call.result.shape))
    return found


OPERATORS: dict[str, Callable[[Writer, Call], Any]] = {
    "cumsum": partial(_running, 0, "+="),
    "cumprod": partial(_running, 1, "*="),
    "cummax": partial(_running_maximum, ">"),
    "cummin": partial(_running_maximum, "<"),
    "sort": _sort,
    "topk": _topk,
    "median.dim": _median,
}
