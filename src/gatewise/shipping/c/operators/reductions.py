"""Operators that make one number of many: sums, means, extremes, norms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from gatewise.shipping.c.arrays import WHOLE, View
from gatewise.shipping.c.operators.axes import Index, axes_of, inner_loops, split
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer, number


def _reduced(first: Callable[[str], str], step: str, last: str, writer: Writer, call: Call) -> View:
    """A number for each part. first: the value before the loops, in a type; step, last: statements"""
    own = writer.view(call["self"])
    outer, inner = split(own, axes_of(call, len(own.shape)))
    made = writer.new(outer.shape, call.result.dtype)
    kind = made.array.kind

    def body(index: Index) -> list[str]:
        loops, place = inner_loops(inner)
        element = f"{index(outer)[:-1]} + {place}]"
        indent = "    " * len(loops)
        return [
            f"{kind} value = {first(kind)};",
            *loops,
            indent + step.format(value="value", element=element),
            f"{index(made)} = {last.format(value='value', count=f'({kind}){inner.size}')};",
        ]

    for one in (own, made):
        writer.use(one)
    writer.loops(outer.shape, [made, outer], body)
    return made.reshaped(call.result.shape)


def _number(value: float) -> Callable[[str], str]:
    return lambda kind: number(value, kind)


def _lowest(kind: str) -> str:
    return f"{kind.removesuffix('_t').upper()}_MIN" if kind in WHOLE else number(float("-inf"), kind)


def _highest(kind: str) -> str:
    return f"{kind.removesuffix('_t').upper()}_MAX" if kind in WHOLE else number(float("inf"), kind)


LARGER = "value = {element} > value || {element} != {element} ? {element} : value;"
SMALLER = "value = {element} < value || {element} != {element} ? {element} : value;"


def _variance(writer: Writer, call: Call) -> View:
    own = writer.view(call["self"])
    axes = axes_of(call, len(own.shape))
    outer, inner = split(own, axes)
    correction = call.get("correction")
    freedom = inner.size - (1 if correction is None else correction)
    made = writer.new(outer.shape, call.result.dtype)
    kind = made.array.kind

    def body(index: Index) -> list[str]:
        loops, place = inner_loops(inner)
        element = f"{index(outer)[:-1]} + {place}]"
        indent = "    " * len(loops)
        return [
            f"{kind} mean = 0, sum = 0;",
            *loops,
            f"{indent}mean += {element};",
            f"mean /= ({kind}){inner.size};",
            *loops,
            f"{indent}sum += ({element} - mean) * ({element} - mean);",
            f"{index(made)} = sum / {number(freedom, kind)};",
        ]

    writer.use(own)
    writer.loops(outer.shape, [made, outer], body)
    return made.reshaped(call.result.shape)


def _norm(writer: Writer, call: Call) -> View:
    if call["ord"] != 2:
        raise NotImplementedError("of another order than 2")
    own = writer.view(call["self"])
    squares = writer.elementwise(own.shape, own.dtype, lambda one: f"{one} * {one}", [own])
    root = "sqrtf({value})" if call.result.dtype == torch.float32 else "sqrt({value})"
    summed = replace(call, arguments={**call.arguments, "self": squares})
    return _reduced(_number(0), "{value} += {element};", root, writer, summed)


def _extreme(sign: str, writer: Writer, call: Call) -> list[View]:
    """The extreme of each part, and its number."""
    own = writer.view(call["self"])
    axis = call["dim"] % len(own.shape)
    outer, inner = split(own, [axis])
    values = writer.new(outer.shape, call.result.dtype)
    numbers = writer.new(outer.shape, torch.int64)

    def body(index: Index) -> list[str]:
        loops, place = inner_loops(inner)
        element, best = (f"{index(outer)[:-1]} + {one}]" for one in (place, f"best * {inner.strides[0]}"))
        return [
            "int best = 0;",
            *loops,
            f"    if (({element} {sign} {best} || {element} != {element}) && {best} == {best})",
            "        best = a;",
            f"{index(numbers)} = best;",
            f"{index(values)} = {best};",
        ]

    for one in (own, values, numbers):
        writer.use(one)
    writer.loops(outer.shape, [values, numbers, outer], body)
    return [one.reshaped(call.result.shape) for one in (values, numbers)]


def _place_of_extreme(sign: str, writer: Writer, call: Call) -> View:
    own, axis = call["self"], call.get("dim")
    if axis is None:
        flat = writer.contiguous(own).reshaped([-1])
        call = replace(call, arguments={"self": flat, "dim": 0})
    made = replace(call, results=[torch.empty(call.result.shape, dtype=own.dtype, device="meta")])
    return _extreme(sign, writer, made)[1]


OPERATORS: dict[str, Callable[[Writer, Call], Any]] = {
    "sum": partial(_reduced, _number(0), "{value} += {element};", "{value}"),
    "mean": partial(_reduced, _number(0), "{value} += {element};", "{value} / {count}"),
    "prod": partial(_reduced, _number(1), "{value} *= {element};", "{value}"),
    "amax": partial(_reduced, _lowest, LARGER, "{value}"),
    "amin": partial(_reduced, _highest, SMALLER, "{value}"),
    "any": partial(_reduced, _number(0), "{value} |= {element} != 0;", "{value}"),
    "all": partial(_reduced, _number(1), "{value} &= {element} != 0;", "{value}"),
    "var.correction": _variance,
    "linalg_vector_norm": _norm,
    "max.dim": partial(_extreme, ">"),
    "min.dim": partial(_extreme, "<"),
    "argmax": partial(_place_of_extreme, ">"),
    "argmin": partial(_place_of_extreme, "<"),
}
