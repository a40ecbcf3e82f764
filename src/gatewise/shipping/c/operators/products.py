"""Products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gatewise.engine.int8 import rounded
from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer, broadcast


def _linear(writer: Writer, call: Call) -> View:
    return linear(writer, call["input"], call["weight"], call.get("bias"), call.result)


def linear(writer: Writer, values: Any, matrix: Any, bias: Any, result: Tensor) -> View:
    """`y = W x + b` for each row x; int8 if the matrix is constant and the model is quantized."""
    if result.dtype != torch.float32:
        turned = writer.view(matrix).changed(torch.ops.aten.permute.default, [1, 0])
        return _plus(writer, matmul(writer, values, turned, result), bias)
    own, out = writer.contiguous(values), writer.new(result.shape, result.dtype)
    rows, columns = out.shape[-1], own.shape[-1]
    count = own.size // columns
    added = "0" if bias is None else writer.contiguous(bias).address
    source, target = own.address, out.address
    if count > 1:
        source, target = f"{source} + i * {columns}", f"{target} + i * {rows}"
    if isinstance(matrix, Tensor) and writer.constants.is_int8(matrix):
        integers, scales = rounded(matrix.detach())
        array = writer.constants.array(integers.to(torch.int8), "int8_t")
        row = writer.new(((columns + 3) // 4,), torch.int32)
        name = "product_int8"
        arguments = [array.name, writer.constants.array(scales.flatten()).name, added, source]
        arguments += [f"(int8_t *){row.address}", target]
    else:
        name, arguments = "product", [writer.contiguous(matrix).address, added, source, target]
    writer.calls.add(name)
    if count > 1:
        writer.write(f"for (int i = 0; i < {count}; i++)")
    writer.write(f"{'    ' * (count > 1)}{name}({', '.join(arguments)}, {rows}, {columns});")
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
    batch = shape[:-2]
    left, right = (broadcast(writer.view(one), [*batch, *one.shape[-2:]]) for one in (first, second))
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


OPERATORS: dict[str, Callable[[Writer, Call], View]] = {
    "linear": _linear,
    "addmm": _addmm,
    "mm": _mm,
    "bmm": _mm,
}
