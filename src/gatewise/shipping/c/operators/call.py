"""One call of an operator in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.shipping.c.arrays import View, kind_of
from gatewise.shipping.c.writer import Operand, number


@dataclass(frozen=True)
class Call:
    """A call: the arguments by name, each a `View`, a constant tensor or plain data.

    results: an empty tensor for each result, with its shape and dtype
    in_place: the numbers of states that a layer may update where they are
    """

    operator: Any
    arguments: dict[str, Any]
    results: Sequence[Tensor]
    in_place: frozenset[int] = frozenset()

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or a default where the operator has none of this name."""
        return self.arguments.get(name, default)

    @property
    def result(self) -> Tensor:
        """The first result."""
        return self.results[0]


def operand(value: Any, dtype: torch.dtype) -> Operand:
    """An argument in an expression of a dtype: a number, also that of a constant, becomes its text."""
    kind = kind_of(dtype)
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, bool | int | float):
        return number(value, kind)
    assert isinstance(value, View | Tensor)
    return value


def cast(text: str, own: Any, dtype: torch.dtype) -> str:
    """The text of an element in the type of an expression."""
    kind = kind_of(dtype)
    if isinstance(own, View | Tensor) and kind_of(own.dtype) != kind:
        return f"({kind}){text}"
    return text
