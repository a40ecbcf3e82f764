"""Convolutions along any number of axes, which read zeros beyond the sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer, number


def _convolution(writer: Writer, call: Call) -> View:
    """`y[n, o, p] = b[o] + sum over c, q of w[o, c, q] x[n, c, p stride - padding + q dilation]`."""
    if call["transposed"]:
        raise NotImplementedError("transposed")
    own, weight, bias = writer.contiguous(call["input"]), writer.contiguous(call["weight"]), call.get("bias")
    shift = None if bias is None else writer.contiguous(bias)
    out = writer.new(call.result.shape, call.result.dtype)
    (batch, channels, *sizes), (outputs, inputs, *kernel), places = own.shape, weight.shape, out.shape[2:]
    axes = range(len(sizes))
    steps = [
        [call[name][k if len(call[name]) > 1 else 0] for k in axes]
        for name in ("stride", "padding", "dilation")
    ]
    outer = [("n", batch), ("o", outputs), *((f"p{k}", places[k]) for k in axes)]
    inner = [("c", inputs), *((f"q{k}", kernel[k]) for k in axes)]
    channel = "c" if call["groups"] == 1 else f"o / {outputs // call['groups']} * {inputs} + c"
    source = _flat([f"n * {channels} + {channel}", *(f"a{k}" for k in axes)], sizes)
    factor = _flat([f"o * {inputs} + c", *(f"q{k}" for k in axes)], kernel)
    target = _flat([f"n * {outputs} + o", *(f"p{k}" for k in axes)], places)
    inside = " && ".join(f"a{k} >= 0 && a{k} < {sizes[k]}" for k in axes)
    kind = out.array.kind
    body = [
        f"const int a{k} = p{k} * {one} - {two} + q{k} * {three};"
        for k, one, two, three in zip(axes, *steps, strict=True)
    ]
    body += [f"if ({inside})", f"    sum += {_element(own, source)} * {_element(weight, factor)};"]
    first = number(0, kind) if shift is None else _element(shift, "o")
    summed = [f"{kind} sum = {first};", *_nested(inner, body), f"{_element(out, target)} = sum;"]
    writer.write(*_nested(outer, summed))
    return out


def _nested(loops: Sequence[tuple[str, int]], body: Sequence[str]) -> list[str]:
    """Loops around statements."""
    lines = [
        f"{'    ' * depth}for (int {name} = 0; {name} < {size}; {name}++)"
        for depth, (name, size) in enumerate(loops)
    ]
    lines[-1] += " {"
    return [*lines, *("    " * len(loops) + one for one in body), "    " * (len(loops) - 1) + "}"]


def _flat(indices: Sequence[str], sizes: Sequence[int]) -> str:
    text = indices[0]
    for index, size in zip(indices[1:], sizes, strict=True):
        text = f"({text}) * {size} + {index}"
    return text


def _element(view: View, index: str) -> str:
    return f"{view.array.name}[{view.offset} + {index}]" if view.offset else f"{view.array.name}[{index}]"


OPERATORS: dict[str, Callable[[Writer, Call], View]] = {"convolution": _convolution}
