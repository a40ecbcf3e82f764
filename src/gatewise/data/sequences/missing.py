"""Missing values of sequences."""

from __future__ import annotations

from typing import Literal

import numpy as np

from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.spool import row_blocks
from gatewise.errors import GatewiseError

Fill = Literal["forward"]


def carry_forward(table: SequenceTable) -> None:
    """Replaces each NaN by the last value before it in its sequence, else by the next one, in place.

    Raises: `GatewiseError` if a sequence has no value at all in a column.
    """
    for number in sorted(_incomplete(table)):
        own = slice(int(table.offsets[number]), int(table.offsets[number + 1]))
        rows = _carried(_carried(np.array(table.values[own]))[::-1])[::-1]
        is_empty = np.isnan(rows[0])
        if is_empty.any():
            raise GatewiseError(
                f"{table.path}: sequence {table.ids[number]!r} has no value at all in column "
                f"{table.channels[int(is_empty.argmax())]!r}; remove the sequence or the column"
            )
        table.values[own] = rows


def _incomplete(table: SequenceTable) -> set[int]:
    """The sequences with missing values."""
    found: set[int] = set()
    for block in row_blocks(len(table.values), len(table.channels)):
        rows = np.flatnonzero(np.isnan(table.values[block]).any(1)) + block.start
        found.update((np.searchsorted(table.offsets, rows, side="right") - 1).tolist())
    return found


def _carried(rows: np.ndarray) -> np.ndarray:
    """Each NaN replaced by the last number above it in its column, if there is one."""
    steps = np.arange(len(rows))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(rows), 0, steps), axis=0)
    return np.take_along_axis(rows, last, axis=0)
