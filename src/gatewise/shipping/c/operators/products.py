"""Products of matrices, and convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gatewise.engine.int8 import rounded
from gatewise.shipping.c.arrays import View, whole
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer, affine, broadcast


def _linear(writer: Writer, call: Call) -> View:
    return linear(writer, call["input"], call["weight"], call.get("bias"), call.result)


def linear(writer: Writer, values: Any, matrix: Any, bias: Any, result: Tensor) -> View:
    """`y = W x + b` for each row x; int8 if the matrix is constant and the model is quantized."""
    if result.dtype != torch.float32:
        turned = writer.view(matrix).changed(torch.ops.aten.permute.default, [1, 0])
        return _plus(writer, matmul(writer, values, turned, result), bias)
    own = writer.contiguous(values)
    out = writer.new(result.shape, result.dtype)
    columns = own.shape[-1]
    rows, count = result.shape[-1], own.size // columns
    added = "0" if bias is None else writer.contiguous(bias).address
    scales = ""
    name, own_matrix = "product", matrix
    if isinstance(matrix, Tensor) and writer.constants.is_int8(matrix):
        integers, scale = rounded(matrix.detach())
        array = writer.constants.array(integers.to(torch.int8), "int8_t")
        scales = f"{writer.constants.array(scale.flatten()).name}, "
        buffer = writer.new(((columns + 3) // 4,), torch.int32)
        name, text = "product_int8", array.name
        extra = f"(int8_t *){buffer.array.name}, "
    else:
        text, extra = writer.contiguous(own_matrix).address, ""
    writer.calls.add(name)
    source, target = own.address, out.address
    indent = ""
    if count > 1:
        writer.write(f"for (int i = 0; i < {count}; i++)")
        source, target, indent = f"{source} + i * {columns}", f"{target} + i * {rows}", "    "
    writer.write(f"{indent}{name}({text}, {scales}{added}, {source}, {extra}{target}, {rows}, {columns});")
    return out


def _plus(writer: Writer, product: View, bias: Any) -> View:
    if bias is None:
        return product
    return writer.elementwise(product.shape, product.dtype, "{} + {}".format, [product, bias])


def _addmm(writer: Writer, call: Call) -> View:
    first, second = call["mat1"], call["mat2"]
    if call.get("alpha", 1) != 1 or call.get("beta", 1) != 1:
        raise NotImplementedError("with factors")
    if isinstance(second, Tensor) and len(call["self"].shape) == 1:
        return linear(writer, first, second.t().contiguous(), call["self"], call.result)
    return _plus(writer, matmul(writer, first, second, call.result), call["self"])


def _mm(writer: Writer, call: Call) -> View:
    second = call["mat2"]
    if isinstance(second, Tensor) and second.dim() == 2:
        return linear(writer, call["self"], second.t().contiguous(), None, call.result)
    return matmul(writer, call["self"], second, call.result)


def matmul(writer: Writer, first: Any, second: Any, result: Tensor) -> View:
    """The product of two matrices, or of batches of them."""
    shape = tuple(result.shape)
    *batch, rows, columns = shape
    left, right = (
        broadcast(writer.view(one), [*batch, *one.shape[-2:]]) for one in (first, second)
    )
    out = writer.new(shape, result.dtype)
    inner = left.shape[-1]
    a = View(left.array, shape, (*left.strides[:-1], 0), left.offset, left.dtype)
    b = View(right.array, shape, (*right.strides[:-2], 0, right.strides[-1]), right.offset, right.dtype)
    zero = "0.0f" if out.array.kind == "float" else "0.0"

    def body(index: Callable[[View], str]) -> list[str]:
        one, other = (
            f"{index(view)[:-1]} + s * {stride}]"
            for view, stride in ((a, left.strides[-1]), (b, right.strides[-2]))
        )
        return [
            f"{out.array.kind} sum = {zero};",
            f"for (int s = 0; s < {inner}; s++)",
            f"    sum += {one} * {other};",
            f"{index(out)} = sum;",
        ]

    for one in (left, right, out):
        writer.use(one)
    writer.loops(shape, [out, a, b], body)
    return out


def _convolution(writer: Writer, call: Call) -> View:
    """A convolution along one axis or two, which reads zeros beyond the sides."""
    if call["transposed"]:
        raise NotImplementedError("transposed")
    own, weight = writer.contiguous(call["input"]), writer.contiguous(call["weight"])
    bias, groups = call.get("bias"), call["groups"]
    batch, channels, *sizes = own.shape
    outputs, per_group, *kernel = weight.shape
    out = writer.new(call.result.shape, call.result.dtype)
    *_, = out.shape
    places = list(out.shape[2:])
    axes = len(sizes)
    strides, padding, dilation = (
        [call[name][k if len(call[name]) > 1 else 0] for k in range(axes)]
        for name in ("stride", "padding", "dilation")
    )
    lines = [f"for (int n = 0; n < {batch}; n++)", f"for (int o = 0; o < {outputs}; o++)"]
    lines += [f"for (int p{k} = 0; p{k} < {size}; p{k}++)" for k, size in enumerate(places)]
    for depth, line in enumerate(lines):
        writer.write("    " * depth + line + (" {" if depth == len(lines) - 1 else ""))
    indent = "    " * len(lines)
    first = "0.0f" if bias is None else f"{writer.contiguous(bias).address}[o]".replace(" + ", "[", 0)
    if bias is not None:
        shift = writer.contiguous(bias)
        first = f"{shift.array.name}[{affine(shift.offset, 'o', [1])}]"
    writer.write(f"{indent}float sum = {first};")
    inner = [f"for (int c = 0; c < {per_group}; c++)"]
    inner += [f"for (int q{k} = 0; q{k} < {size}; q{k}++)" for k, size in enumerate(kernel)]
    for depth, line in enumerate(inner):
        writer.write(indent + "    " * depth + line + (" {" if depth == len(inner) - 1 else ""))
    deep = indent + "    " * len(inner)
    for k in range(axes):
        writer.write(f"{deep}const int a{k} = p{k} * {strides[k]} - {padding[k]} + q{k} * {dilation[k]};")
    inside = " && ".join(f"a{k} >= 0 && a{k} < {sizes[k]}" for k in range(axes))
    channel = "c" if groups == 1 else f"(o / {outputs // groups} * {per_group} + c)"
    source = _flat([f"n * {channels} + {channel}", *(f"a{k}" for k in range(axes))], sizes)
    factor = _flat([f"o * {per_group} + c", *(f"q{k}" for k in range(axes))], kernel)
    writer.write(f"{deep}if ({inside})")
    writer.write(f"{deep}    sum += {_element(own, source)} * {_element(weight, factor)};")
    writer.write(indent + "    " * (len(inner) - 1) + "}")
    target = _flat([f"n * {outputs} + o", *(f"p{k}" for k in range(axes))], places)
    writer.write(f"{indent}{_element(out, target)} = sum;", "    " * (len(lines) - 1) + "}")
    return out


def _flat(indices: list[str], sizes: list[int]) -> str:
    text = indices[0]
    for index, size in zip(indices[1:], sizes, strict=True):
        text = f"({text}) * {size} + {index}"
    return text


def _element(view: View, index: str) -> str:
    return f"{view.array.name}[{view.offset} + {index}]" if view.offset else f"{view.array.name}[{index}]"


OPERATORS: dict[str, Callable[[Writer, Call], View]] = {
    "linear": _linear,
    "addmm": _addmm,
    "mm": _mm,
    "bmm": _mm,
    "convolution": _convolution,
}

__all__ = ["OPERATORS", "linear", "matmul", "whole"]
