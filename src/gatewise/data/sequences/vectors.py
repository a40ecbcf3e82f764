"""Sequences of vectors for generation: their sets, their segments, and their binary channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.splits import NAMES, TITLES, Split, named_split
from gatewise.errors import GatewiseError

ROWS_AT_ONCE = 1 << 17


def split_by_column(table: SequenceTable, column: str) -> Split:
    """The sets by a column, read as the table's label, with the words train, validation and test.

    Raises: `GatewiseError` with the place of any other word, a sequence in two sets, or an empty set.
    """
    assert table.labels is not None
    names = []
    for number, (first, last) in enumerate(zip(table.offsets[:-1], table.offsets[1:], strict=True)):
        label = table.labels[first]
        name = table.classes[label]
        if name.lower() not in NAMES:
            raise GatewiseError(
                f"{table.path}, {table.place(int(first))}, column {column!r}: expected train, validation or "
                f"test, got {name!r}"
            )
        if (table.labels[first:last] != label).any():
            raise GatewiseError(
                f"{table.path}: sequence {table.ids[number]!r} is in two sets, by column {column!r}; "
                "give all its rows one"
            )
        names.append(NAMES[name.lower()])
    split = named_split(names)
    for title, numbers in zip(TITLES.values(), split, strict=True):
        if not numbers:
            raise GatewiseError(
                f"{table.path}: column {column!r} assigns no sequence to the {title} set; give it one"
            )
    return split


def binary_channels(table: SequenceTable) -> tuple[int, ...]:
    """The channels that are 0 or 1 in every row."""
    binary = np.ones(len(table.channels), bool)
    for start in range(0, len(table.values), ROWS_AT_ONCE):
        rows = table.values[start : start + ROWS_AT_ONCE]
        binary &= ((rows == 0) | (rows == 1)).all(0)
    return tuple(np.flatnonzero(binary).tolist())


def cut_sequences(
    table: SequenceTable, numbers: Sequence[int], max_length: int
) -> tuple[SequenceTable, np.ndarray]:
    """The table with sequences cut to at most `max_length` steps, and which of them are parts of `numbers`.

    >>> table = SequenceTable("", np.zeros((7, 1)), np.array([0, 2, 7]), ("a", "b"), ("x",))
    >>> segments, chosen = cut_sequences(table, [1], max_length=2)
    >>> segments.sizes.tolist(), chosen.tolist()
    ([2, 2, 2, 1], [1, 2, 3])
    """
    counts = -(-table.sizes // max_length)
    owners = np.repeat(np.arange(len(table)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    offsets = np.append(table.offsets[owners] + within * max_length, table.offsets[-1])
    ids = tuple(table.ids[owner] for owner in owners.tolist())
    return replace(table, offsets=offsets, ids=ids), np.flatnonzero(np.isin(owners, numbers))
