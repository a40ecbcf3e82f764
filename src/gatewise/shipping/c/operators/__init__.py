"""PyTorch's operators in C: one function for each, found by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators import arrangement, elementwise, products, recurrent, reductions
from gatewise.shipping.c.writer import Writer

Printed = View | list[View] | None

OPERATORS: dict[str, Callable[..., Printed]] = {
    **elementwise.OPERATORS,
    **reductions.OPERATORS,
    **products.OPERATORS,
    **arrangement.OPERATORS,
    **recurrent.OPERATORS,
}

__all__ = ["OPERATORS", "Any", "Printed", "Writer"]
