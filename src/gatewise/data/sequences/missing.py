"""Missing values of sequences."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from gatewise.data.sequences.gaps import carried
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.spool import row_blocks
from gatewise.errors import GatewiseError

MOST_NAMED = 3  # channels in a note
Fill = Literal["forward"]
MaskedFill = Literal["forward", "mask"]  # "mask": values stay missing, and networks read which ones are


def with_filled(
    table: SequenceTable, fill: MaskedFill | None, missing: int, kind: str = "missing values"
) -> SequenceTable:
    """The table with its missing values filled, in place, or marked as masked, and a note on them.

    missing: their number; kind: describes them, for the note

    Raises: `GatewiseError` if a sequence has no value at all in a column, and values are filled.
    """
    if fill == "mask":
        total = table.values.size
        note = f"{kind} that are masked: {missing:,} of {total:,} ({missing / total:.1%}){_by_channel(table)}"
        return replace(table, masked=True, notes=(*table.notes, note))
    if not missing:
        return table
    carry_forward(table)
    return replace(table, notes=(*table.notes, f"{kind} filled with the value before them: {missing:,}"))


def carry_forward(table: SequenceTable) -> None:
    """Replaces each NaN by the last value before it in its sequence, else by the next one, in place.

    Raises: `GatewiseError` if a sequence has no value at all in a column.
    """
    incomplete = sorted(_incomplete(table))
    for number, own in zip(incomplete, table.slices(incomplete), strict=True):
        rows = carried(carried(np.array(table.values[own]))[::-1])[::-1]
        is_empty = np.isnan(rows[0])
        if is_empty.any():
            raise GatewiseError(
                f"{table.path}: sequence {table.ids[number]!r} has no value at all in column "
                f"{table.channels[int(is_empty.argmax())]!r}; remove the sequence or the column"
            )
        table.values[own] = rows


def _by_channel(table: SequenceTable) -> str:
    """The missing fractions of the channels with most, "" for a single channel, or if nothing is missing."""
    counts = np.zeros(len(table.channels), np.int64)
    for block in row_blocks(len(table.values), len(table.channels)):
        counts += np.isnan(table.values[block]).sum(0)
    order = [number for number in np.argsort(-counts, kind="stable") if counts[number]]
    if len(counts) == 1 or not order:
        return ""
    shown = [f"{table.channels[one]!r} {counts[one] / len(table.values):.1%}" for one in order[:MOST_NAMED]]
    return f"; of {', '.join(shown)}{' ...' * (len(order) > MOST_NAMED)}"


def _incomplete(table: SequenceTable) -> set[int]:
    """The sequences with missing values."""
    found: set[int] = set()
    for block in row_blocks(len(table.values), len(table.channels)):
        rows = np.flatnonzero(np.isnan(table.values[block]).any(1)) + block.start
        found.update((np.searchsorted(table.offsets, rows, side="right") - 1).tolist())
    return found
