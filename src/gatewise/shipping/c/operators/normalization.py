"""Softmax, and normalization of layers and batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators.axes import Index, inner_loops, split
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer, number


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
    outer, inner = split(own, [axis])
    target, target_inner = split(out, [axis])
    suffix = "f" if out.array.kind == "float" else ""

    def body(index: Index) -> list[str]:
        (loop,), place = inner_loops(inner)
        _, target_place = inner_loops(target_inner)
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


OPERATORS: dict[str, Callable[[Writer, Call], Any]] = {
    "_softmax": partial(_softmax, False),
    "_log_softmax": partial(_softmax, True),
    "_native_batch_norm_legit_no_training": _batch_norm,
    "native_layer_norm": _layer_norm,
}
