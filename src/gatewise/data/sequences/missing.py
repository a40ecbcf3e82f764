"""Cells of sequences that are empty."""

from __future__ import annotations

from typing import Literal

import numpy as np

from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.spool import pieces
from gatewise.errors import GatewiseError

Fill = Literal["forward"]


def carry_forward(table: SequenceTable) -> None:
    """Fills empty cells (NaN) by the value before in their sequence, at its start by the next; in place.

    Errors: `GatewiseError` where a sequence has no value at all in a column.
    """
    for number in sorted(_holed(table)):
        own = slice(int(table.offsets[number]), int(table.offsets[number + 1]))
        rows = _carried(_carried(np.array(table.values[own]))[::-1])[::-1]
        nothing = np.isnan(rows[0])
        if nothing.any():
            raise GatewiseError(
                f"{table.path}: sequence {table.ids[number]!r} has no value at all in column "
                f"{table.channels[int(nothing.argmax())]!r}; leave out the sequence or the column"
            )
        table.values[own] = rows


def _holed(table: SequenceTable) -> set[int]:
    """The sequences that have empty cells."""
    found: set[int] = set()
    for part in pieces(len(table.values), len(table.channels)):
        rows = np.flatnonzero(np.isnan(table.values[part]).any(1)) + part.start
        found.update((np.searchsorted(table.offsets, rows, side="right") - 1).tolist())
    return found


def _carried(rows: np.ndarray) -> np.ndarray:
    """Each NaN as the number above it in its column, if there is one."""
    steps = np.arange(len(rows))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(rows), 0, steps), axis=0)
    return np.take_along_axis(rows, last, axis=0)
