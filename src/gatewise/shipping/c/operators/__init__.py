"""PyTorch's operators in C: one function for each, found by its name."""

from __future__ import annotations

from collections.abc import Callable

from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators import (
    arrangement,
    convolution,
    elementwise,
    normalization,
    ordering,
    products,
    recurrent,
    reductions,
)

Printed = View | list[View] | None

OPERATORS: dict[str, Callable[..., Printed]] = {
    **elementwise.OPERATORS,
    **reductions.OPERATORS,
    **normalization.OPERATORS,
    **ordering.OPERATORS,
    **products.OPERATORS,
    **convolution.OPERATORS,
    **arrangement.OPERATORS,
    **recurrent.OPERATORS,
}
