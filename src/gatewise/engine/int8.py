"""Products with int8 weights in plain PyTorch: rows are rounded to integers, which are summed exactly.

Each row of a matrix has one scale. So has each row of activations, which is rounded when it is multiplied:

    scale = max|v| / 127, q = round(v * (127 / max|v|)), y = (q_v . q_w) * (scale_v * scale_w) + b
"""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST = 127
SMALLEST = 2.0**-100  # a row whose values are all below counts as zeros
WIDEST = 1 << 16  # numbers in a row, so that no sum of integers exceeds 32 bits


def scale_name(matrix: str) -> str:
    """The name of the scales of an int8 matrix among a request's parameters."""
    return f"{matrix}.scale"


def rounded(values: Tensor) -> tuple[Tensor, Tensor]:
    """Rows as integers in -127..127, to the nearest, ties to even.

    values: [..., F] float32

    Returns: the integers as [..., F] float32, and the scales [..., 1]. If a value is not finite, all integers
    of its row are 0 and the scale is not finite, so that products are NaN.
    """
    largest = values.abs().amax(-1, keepdim=True)
    most = torch.full_like(largest, LARGEST)  # a tensor, as a division by a number may multiply instead
    factor = torch.where(largest >= SMALLEST, most / largest, 0.0)
    return (values * factor).round().nan_to_num(0.0), largest / most


def linear(values: Tensor, matrix: Tensor, scales: Tensor, bias: Tensor | None) -> Tensor:
    """The product of float32 rows with an int8 matrix.

    values: [..., F]; matrix: [rows, F] integers in any dtype; scales: [rows]; bias: [rows] or None
    """
    whole, scale = rounded(values)
    sums = whole.double() @ matrix.double().T  # exact
    product = sums.to(values.dtype) * (scale * scales)
    return product if bias is None else product + bias
