"""Operators along an axis: sums, means, extremes, softmax, normalization, sorting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gatewise.shipping.c.arrays import WHOLE, View
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import INNER, Writer, affine, number

Index = Callable[[View], str]


def _axes(call: Call, count: int) -> list[int]:
    given = call.get("dim")
    given = list(range(count)) if given is None or given == [] else given
    return sorted(axis % count for axis in ([given] if isinstance(given, int) else given))


def _split(own: View, axes: Sequence[int]) -> tuple[View, View]:
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


def _inner_loops(inner: View) -> tuple[list[str], str]:
    """Loops over the elements of a part, and their index within it."""
    names = INNER[: len(inner.shape)]
    lines = [
        f"{'    ' * depth}for (int {name} = 0; {name} < {size}; {name}++)"
        for depth, (name, size) in enumerate(zip(names, inner.shape, strict=True))
    ]
    return lines, affine(0, names, inner.strides)


def _reduced(first: Callable[[str], str], step: str, last: str, writer: Writer, call: Call) -> View:
    """A number for each part. first: the value before the loops, in a type; step, last: statements"""
    own = writer.view(call["self"])
    outer, inner = _split(own, _axes(call, len(own.shape)))
    made = writer.new(outer.shape, call.result.dtype)
    kind = made.array.kind

    def body(index: Index) -> list[str]:
        loops, place = _inner_loops(inner)
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
    axes = _axes(call, len(own.shape))
    outer, inner = _split(own, axes)
    correction = call.get("correction")
    freedom = inner.size - (1 if correction is None else correction)
    made = writer.new(outer.shape, call.result.dtype)
    kind = made.array.kind

    def body(index: Index) -> list[str]:
        loops, place = _inner_loops(inner)
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


def _batch_norm(writer: Writer, call: Call) -> list[View]:
    """`(v - mean) / sqrt(variance + epsilon) * gain + shift` of each channel, of known means."""
    mean, variance = call["running_mean"], call["running_var"]
    if not isinstance(mean, Tensor) or not isinstance(variance, Tensor):
        raise NotImplementedError("of means that are computed")
    factor = (variance.double() + call["eps"]).rsqrt() * (1 if call.get("weight") is None else call["weight"])
    shift = (0 if call.get("bias") is None else call["bias"]) - mean * factor
    own = call["input"]
    shape = [1, -1] + [1] * (len(own.shape) - 2)
    constants = [one.to(own.dtype).view(shape) for one in (factor, shift)]
    return [writer.elementwise(own.shape, own.dtype, "{} * {} + {}".format, [own, *constants])]


def _softmax(logarithm: bool, writer: Writer, call: Call) -> View:
    own = writer.view(call["self"])
    axis = call["dim"] % len(own.shape)
    out = writer.new(call.result.shape, call.result.dtype)
    outer, inner = _split(own, [axis])
    target, target_inner = _split(out, [axis])
    suffix = "f" if out.array.kind == "float" else ""

    def body(index: Index) -> list[str]:
        (loop,), place = _inner_loops(inner)
        _, target_place = _inner_loops(target_inner)
        element, made = f"{index(outer)[:-1]} + {place}]", f"{index(target)[:-1]} + {target_place}]"
        kind = out.array.kind
        last = f"{made} = {element} - largest - sum;" if logarithm else f"{made} /= sum;"
        return [
            f"{kind} largest = {number(float('-inf'), kind)}, sum = 0;",
            loop,
            f"    largest = {element} > largest || {element} != {element} ? {element} : largest;",
            loop,
            f"    sum += {'' if logarithm else f'{made} = '}exp{suffix}({element} - largest);",
            *([f"sum = log{suffix}(sum);"] if logarithm else []),
            loop,
            f"    {last}",
        ]

    for one in (own, out):
        writer.use(one)
    writer.loops(outer.shape, [target, outer], body)
    return out


def _layer_norm(writer: Writer, call: Call) -> list[View]:
    own, shape = call["input"], call["normalized_shape"]
    out = writer.copy(own)
    count = 1
    for size in shape:
        count *= size
    if out.dtype != torch.float32:
        raise NotImplementedError("in float64")
    gain, shift = (
        "0" if call.get(name) is None else writer.contiguous(call[name]).address
        for name in ("weight", "bias")
    )
    writer.calls.add("normalize")
    rows = out.size // count
    place = f"{out.address} + i * {count}" if rows > 1 else out.address
    if rows > 1:
        writer.write(f"for (int i = 0; i < {rows}; i++)")
    indent = "    " * (rows > 1)
    epsilon = number(call["eps"], "float")
    writer.write(f"{indent}normalize({place}, {gain}, {shift}, {epsilon}, {count});")
    return [out]


def _extreme(sign: str, writer: Writer, call: Call) -> list[View]:
    """The extreme of each part, and its number."""
    own = writer.view(call["self"])
    axis = call["dim"] % len(own.shape)
    outer, inner = _split(own, [axis])
    values = writer.new(outer.shape, call.result.dtype)
    numbers = writer.new(outer.shape, torch.int64)

    def body(index: Index) -> list[str]:
        loops, place = _inner_loops(inner)
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


def _running(first: float, step: str, writer: Writer, call: Call) -> View:
    """A running sum or product along an axis."""
    own = writer.view(call["self"])
    axis = call["dim"] % len(own.shape)
    out = writer.new(call.result.shape, call.result.dtype)
    outer, inner = _split(own, [axis])
    target, target_inner = _split(out, [axis])
    kind = out.array.kind

    def body(index: Index) -> list[str]:
        (loop,), place = _inner_loops(inner)
        _, target_place = _inner_loops(target_inner)
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
    target, inner = _split(out, [axis])

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
    outer, inner = _split(values, [axis])
    other, _ = _split(numbers, [axis])
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
    "sum": partial(_reduced, _number(0), "{value} += {element};", "{value}"),
    "mean": partial(_reduced, _number(0), "{value} += {element};", "{value} / {count}"),
    "prod": partial(_reduced, _number(1), "{value} *= {element};", "{value}"),
    "amax": partial(_reduced, _lowest, LARGER, "{value}"),
    "amin": partial(_reduced, _highest, SMALLER, "{value}"),
    "any": partial(_reduced, _number(0), "{value} |= {element} != 0;", "{value}"),
    "all": partial(_reduced, _number(1), "{value} &= {element} != 0;", "{value}"),
    "var.correction": _variance,
    "_softmax": partial(_softmax, False),
    "_log_softmax": partial(_softmax, True),
    "linalg_vector_norm": _norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "native_layer_norm": _layer_norm,
    "max.dim": partial(_extreme, ">"),
    "min.dim": partial(_extreme, "<"),
    "argmax": partial(_place_of_extreme, ">"),
    "argmin": partial(_place_of_extreme, "<"),
    "cumsum": partial(_running, 0, "+="),
    "cumprod": partial(_running, 1, "*="),
    "cummax": partial(_running_maximum, ">"),
    "cummin": partial(_running_maximum, "<"),
    "sort": _sort,
    "topk": _topk,
    "median.dim": _median,
}
