"""Sequences of vectors in parts to train on, to validate and to test; which of their channels are 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gatewise.data.sequences.sequences import SequenceTable
from gatewise.errors import GatewiseError

Parts = tuple[list[int], list[int], list[int]]
NAMES = {"train": 0, "training": 0, "valid": 1, "validation": 1, "dev": 1, "test": 2}
ROWS_AT_ONCE = 1 << 17


def random_parts(table: SequenceTable, validation_share: float, test_share: float) -> Parts:
    """The numbers of the sequences of each part, drawn at random, always the same.

    Raises: `GatewiseError` if there are fewer than three sequences.
    """
    count = len(table)
    if count < 3:
        raise GatewiseError(
            f"{table.path} has {count} sequence{'s' * (count != 1)}; give three at least: to train on, to "
            "validate and to test"
        )
    test, validation = (max(round(count * share), 1) for share in (test_share, validation_share))
    drawn = np.random.default_rng(0).permutation(count)
    cut = max(count - test - validation, 1)
    train, validated, tested = np.split(drawn, [cut, cut + min(validation, count - cut - 1)])
    return sorted(train.tolist()), sorted(validated.tolist()), sorted(tested.tolist())


def named_parts(table: SequenceTable, column: str) -> Parts:
    """The parts by a column, read as the table's label, that says train, validation or test.

    Raises: `GatewiseError` with the place of any other word, of a sequence in two parts, of an empty part.
    """
    assert table.labels is not None
    parts: Parts = ([], [], [])
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
                f"{table.path}: sequence {table.ids[number]!r} is in two parts, by column {column!r}"
            )
        parts[NAMES[name.lower()]].append(number)
    for name, part in zip(("train on", "validate", "test"), parts, strict=True):
        if not part:
            raise GatewiseError(f"{table.path}: by column {column!r} there is no sequence to {name}")
    return parts


def binary_channels(table: SequenceTable) -> tuple[int, ...]:
    """Which channels are 0 or 1 in every row."""
    binary = np.ones(len(table.channels), bool)
    for start in range(0, len(table.values), ROWS_AT_ONCE):
        rows = table.values[start : start + ROWS_AT_ONCE]
        binary &= ((rows == 0) | (rows == 1)).all(0)
    return tuple(np.flatnonzero(binary).tolist())


def in_pieces(table: SequenceTable, numbers: Sequence[int], steps: int) -> tuple[SequenceTable, np.ndarray]:
    """The table with sequences cut into pieces of at most so many steps, and which pieces are of `numbers`.

    >>> table = SequenceTable("", np.zeros((7, 1)), np.array([0, 2, 7]), ("a", "b"), ("x",))
    >>> pieces, chosen = in_pieces(table, [1], steps=2)
    >>> pieces.sizes.tolist(), chosen.tolist()
    ([2, 2, 2, 1], [1, 2, 3])
    """
    counts = -(-table.sizes // steps)
    owners = np.repeat(np.arange(len(table)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    offsets = np.append(table.offsets[owners] + within * steps, table.offsets[-1])
    ids = tuple(table.ids[owner] for owner in owners.tolist())
    return replace(table, offsets=offsets, ids=ids), np.flatnonzero(np.isin(owners, numbers))
