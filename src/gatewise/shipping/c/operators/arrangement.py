"""Operators that move elements: copies, concatenation, padding, and reading by numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators.call import Call, cast, operand
from gatewise.shipping.c.writer import Writer, broadcast


def view_of(writer: Writer, call: Call) -> View | list[View]:
    """The views of its first argument that an operator returns; of a copy where strides forbid them."""
    own, *others = (call[name] for name in call.arguments)
    view = writer.view(own)
    of_several = len(call.results) > 1 or isinstance(call.operator._schema.returns[0].type, torch.ListType)
    try:
        return view.parts(call.operator, *others) if of_several else view.changed(call.operator, *others)
    except RuntimeError:  # as `view` of elements that do not follow each other
        return writer.copy(view).changed(call.operator, *others)


def _copy(writer: Writer, call: Call) -> View:
    return writer.copy(call["self"])


def _same(writer: Writer, call: Call) -> View:
    return writer.view(call["self"])


def _into(writer: Writer, part: View, source: View | Tensor) -> None:
    """Copies a tensor into a part of an array of its shape."""
    writer.assign(part, lambda one: one, [broadcast(writer.view(source), part.shape)])


def _cat(writer: Writer, call: Call) -> View:
    axis, place = call.get("dim", 0), 0
    parts = [one for one in call["tensors"] if tuple(one.shape) != (0,)]
    out = writer.new(call.result.shape, call.result.dtype)
    for one in parts:
        width = one.shape[axis]
        _into(writer, out.sliced(axis, place, place + width), one)
        place += width
    return out


def _filled(writer: Writer, shape: Any, dtype: torch.dtype, value: float) -> View:
    return writer.elementwise(shape, dtype, lambda one: one, [str(operand(value, dtype))])


def _pad(writer: Writer, call: Call) -> View:
    pads, own = call["pad"], call["self"]
    out = _filled(writer, call.result.shape, call.result.dtype, call.get("value") or 0.0)
    inner = out
    source = writer.view(own)
    for place in range(len(pads) // 2):
        axis, (left, right) = len(own.shape) - 1 - place, pads[2 * place : 2 * place + 2]
        if left < 0 or right < 0:
            source = source.sliced(axis, max(-left, 0), source.shape[axis] - max(-right, 0))
        start = max(left, 0)
        inner = inner.sliced(axis, start, start + source.shape[axis])
    _into(writer, inner, source)
    return out


def _flip(writer: Writer, call: Call) -> View:
    own = writer.view(call["self"])
    strides, offset = list(own.strides), own.offset
    for axis in call["dims"]:
        offset += (own.shape[axis] - 1) * strides[axis]
        strides[axis] = -strides[axis]
    turned = View(own.array, own.shape, tuple(strides), offset, own.dtype)
    out = writer.new(own.shape, own.dtype)
    writer.assign(out, lambda one: one, [turned])
    return out


def _full_like(value: float | None) -> Callable[[Writer, Call], View]:
    def printed(writer: Writer, call: Call) -> View:
        filled = call["fill_value"] if value is None else value
        call.read.add("self")  # its shape alone
        return _filled(writer, call.result.shape, call.result.dtype, filled)

    return printed


def _written_into(writer: Writer, call: Call) -> View:
    """`slice_scatter`, `select_scatter`: a copy, a part of which is replaced."""
    out = writer.copy(call["self"])
    axis = call.get("dim", 0)
    if "index" in call.arguments:
        part = out.changed(torch.ops.aten.select.int, axis, call["index"])
    else:
        size = out.shape[axis]
        stop = call.get("end")
        part = out.sliced(axis, call.get("start") or 0, size if stop is None else stop, call.get("step", 1))
    _into(writer, part, call["src"])
    return out


def _embedding(writer: Writer, call: Call) -> View:
    return _by_number(writer, call, call["weight"], call["indices"], 0)


def _index_select(writer: Writer, call: Call) -> View:
    return _by_number(writer, call, call["self"], call["index"], call["dim"])


def _index(writer: Writer, call: Call) -> View:
    """Elements along one axis by their numbers."""
    given = [(axis, one) for axis, one in enumerate(call["indices"]) if one is not None]
    if len(given) != 1 or given[0][1].dtype == torch.bool:
        raise NotImplementedError("with several tensors of indices, or a mask")
    axis, numbers = given[0]
    return _by_number(writer, call, call["self"], numbers, axis)


def _by_number(writer: Writer, call: Call, source: Any, numbers: Any, axis: int) -> View:
    """The slices of a tensor along an axis that a tensor of integers names; -1 is the last."""
    own, chosen = writer.contiguous(source), writer.view(numbers)
    axis %= max(len(own.shape), 1)
    out = writer.new(call.result.shape, call.result.dtype)
    before, after = len(own.shape[:axis]), len(own.shape[axis + 1 :])
    inner = (*own.strides[:axis], *[0] * len(chosen.shape), *own.strides[axis + 1 :])
    origin = View(own.array, out.shape, inner, own.offset, own.dtype)
    spread = View(
        chosen.array, out.shape, (*[0] * before, *chosen.strides, *[0] * after), chosen.offset, chosen.dtype
    )
    size, stride = own.shape[axis], own.strides[axis]
    writer.calls.add("element")

    def body(index: Callable[[View], str]) -> list[str]:
        array, first = index(origin)[:-1].split("[", 1)
        return [f"{index(out)} = {array}[{first} + element({index(spread)}, {size}) * {stride}];"]

    for one in (out, own, chosen):
        writer.use(one)
    writer.loops(out.shape, [out, origin, spread], body)
    return out


def _gather(writer: Writer, call: Call) -> View:
    own, numbers, axis = writer.contiguous(call["self"]), writer.view(call["index"]), call["dim"]
    axis %= len(own.shape)
    out = writer.new(call.result.shape, call.result.dtype)
    strides = tuple(0 if place == axis else one for place, one in enumerate(own.strides))
    origin = View(own.array, out.shape, strides, own.offset, own.dtype)

    def body(index: Callable[[View], str]) -> list[str]:
        array, first = index(origin)[:-1].split("[", 1)
        return [f"{index(out)} = {array}[{first} + {index(numbers)} * {own.strides[axis]}];"]

    for one in (out, own, numbers):
        writer.use(one)
    writer.loops(out.shape, [out, origin, numbers], body)
    return out


def _repeat(writer: Writer, call: Call) -> View:
    own, times = writer.contiguous(call["self"]), call["repeats"]
    sizes = [1] * (len(times) - len(own.shape)) + list(own.shape)
    apart = own.reshaped([one for size in sizes for one in (1, size)])
    pairs = zip(times, sizes, strict=True)
    copied = writer.copy(broadcast(apart, [one for pair in pairs for one in pair]))
    return copied.reshaped(call.result.shape)


def _replaced(writer: Writer, call: Call) -> View:
    """`copy`: the values of a source in the shape and dtype of another tensor."""
    source, dtype = call["src"], call.result.dtype
    call.read.add("self")  # its shape alone
    value = partial(cast, own=source, dtype=dtype)
    return writer.elementwise(call.result.shape, dtype, value, [operand(source, dtype)])


def _nothing(writer: Writer, call: Call) -> None:
    """An operator that checks something while a graph is made."""
    call.read.update(call.arguments)


OPERATORS: dict[str, Callable[[Writer, Call], View | list[View] | None]] = {
    "clone": _copy,
    "contiguous": _copy,
    "detach": _same,
    "alias": _same,
    "lift_fresh_copy": _same,
    "cat": _cat,
    "constant_pad_nd": _pad,
    "flip": _flip,
    "full_like": _full_like(None),
    "zeros_like": _full_like(0.0),
    "ones_like": _full_like(1.0),
    "new_zeros": _full_like(0.0),
    "new_ones": _full_like(1.0),
    "new_full": _full_like(None),
    "slice_scatter": _written_into,
    "select_scatter": _written_into,
    "embedding": _embedding,
    "index_select": _index_select,
    "index": _index,
    "gather": _gather,
    "repeat": _repeat,
    "copy": _replaced,
    "_assert_tensor_metadata": _nothing,
}
