"""The states of many sequences in one batch, which they join and leave."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import torch
from torch import Tensor

FIRST_ROWS = 8


class StateTable:
    """A row of each state for each sequence.

    initial: the states before the first step, [1, ...] each

    >>> table = StateTable([torch.zeros(1, 2)])
    >>> table.join("a"), table.join("b")
    (None, None)
    >>> table.write(["b"], [torch.ones(1, 2)])
    >>> table.read(["b", "a"])[0].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, initial: Sequence[Tensor]) -> None:
        self._initial = tuple(initial)
        self._rows: dict[Hashable, int] = {}
        self._free: list[int] = []
        self._states = tuple(one.expand(0, *one.shape[1:]).clone() for one in initial)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def keys(self) -> list[Hashable]:
        """The sequences, in the order in which they joined."""
        return list(self._rows)

    def join(self, key: Hashable, states: Sequence[Tensor] | None = None) -> None:
        """Adds a sequence in its initial states, or in others, [1, ...] each."""
        if not self._free:
            self._grow()
        self._rows[key] = self._free.pop()
        self.write([key], self._initial if states is None else states)

    def leave(self, key: Hashable) -> None:
        """Removes a sequence."""
        self._free.append(self._rows.pop(key))

    def read(self, keys: Iterable[Hashable]) -> tuple[Tensor, ...]:
        """The states of some sequences, [B, ...] each."""
        rows = self._numbers(keys)
        return tuple(one[rows] for one in self._states)

    def write(self, keys: Iterable[Hashable], states: Sequence[Tensor]) -> None:
        """Replaces the states of some sequences."""
        rows = self._numbers(keys)
        for own, new in zip(self._states, states, strict=True):
            own[rows] = new

    def _numbers(self, keys: Iterable[Hashable]) -> Tensor:
        return torch.tensor([self._rows[key] for key in keys], dtype=torch.int64)

    def _grow(self) -> None:
        """Doubles the rows."""
        before = len(self._states[0]) if self._states else len(self._rows)
        added = max(before, FIRST_ROWS)
        self._states = tuple(
            torch.cat([one, first.expand(added, *first.shape[1:])])
            for one, first in zip(self._states, self._initial, strict=True)
        )
        self._free = list(range(before + added - 1, before - 1, -1))
