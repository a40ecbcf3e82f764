"""One call of an operator in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gatewise.shipping.c.arrays import View, kind_of
from gatewise.shipping.c.writer import Operand, number

# Arguments that the shape and dtype of the result tell, or that change no number.
HARMLESS = {
    "device", "dtype", "half_to_float", "implicit", "keepdim", "layout", "memory_format", "momentum",
    "non_blocking", "output_padding", "padding_idx", "pin_memory", "scale_grad_by_freq", "size", "sorted",
    "sparse", "sparse_grad", "stable",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A call: the arguments by name, each a `View`, a constant tensor or plain data.

    results: an empty tensor for each result, with its shape and dtype
    in_place: the numbers of states that a layer may update where they are
    read: the names of the arguments that were read, so that none is ignored
    """

    operator: Any
    arguments: dict[str, Any]
    results: Sequence[Tensor]
    in_place: frozenset[int] = frozenset()
    read: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        if name not in self.arguments:
            raise NotImplementedError(f"without {name}")
        self.read.add(name)
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or a default where the operator has none of this name."""
        self.read.add(name)
        return self.arguments.get(name, default)

    def require_all_read(self) -> None:
        """Raises: `NotImplementedError` if an argument changes the result, and nothing read it."""
        defaults = {one.name: one.default_value for one in self.operator._schema.arguments}
        for name, value in self.arguments.items():
            given = isinstance(value, View | Tensor) or value != defaults[name]
            if given and name not in self.read | HARMLESS:
                raise NotImplementedError(f"with {name}")

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
