"""The states of recurrent layers as one row of numbers for each sequence."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


class PackedState:
    """Packs states into rows [B, width], in which all states of all layers follow each other.

    state: an example, of tensors [layers, B, ...]
    """

    width: int

    def __init__(self, state: Any) -> None:
        leaves, self._form = pytree.tree_flatten(state)
        self._shapes = [(one.shape[0], *one.shape[2:]) for one in leaves]
        self.width = sum(map(prod, self._shapes))

    def __deepcopy__(self, memo: dict[int, Any]) -> PackedState:
        return self  # it does not change

    def pack(self, state: Any) -> Tensor:
        """States as rows."""
        return torch.cat([one.transpose(0, 1).flatten(1) for one in pytree.tree_leaves(state)], dim=1)

    def unpack(self, rows: Tensor) -> Any:
        """Rows as states."""
        parts = rows.split([prod(shape) for shape in self._shapes], dim=1)
        leaves = [
            part.unflatten(1, shape).transpose(0, 1) for part, shape in zip(parts, self._shapes, strict=True)
        ]
        return pytree.tree_unflatten(leaves, self._form)
