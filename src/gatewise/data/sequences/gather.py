"""Rows on disk grouped by sequence and sorted by time, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gatewise.data.sequences.spool import on_disk, row_blocks

KEYS = np.dtype([("sequence", "i4"), ("label", "i4"), ("line", "i8"), ("time", "f8")])


def group_rows(values: np.ndarray, keys: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups rows by sequence, each in its present order.

    values: [S, C]; keys: [S] of `KEYS`, sequences numbered by their first row; count: N, of sequences

    Returns: values, keys, and the offsets [N + 1] of the sequences

    >>> keys = np.array([(0, 0, 2, 0), (1, 0, 3, 0), (0, 0, 4, 0)], KEYS)
    >>> values, keys, offsets = group_rows(np.array([[1], [2], [3]]), keys, 2)
    >>> values[:, 0].tolist(), keys["line"].tolist(), offsets.tolist()
    ([1, 3, 2], [2, 4, 3], [0, 2, 3])
    """
    sizes = np.zeros(count, np.int64)
    is_grouped, last = True, 0
    for block in row_blocks(len(keys)):
        own = keys["sequence"][block]
        is_grouped &= bool(own[0] >= last and (np.diff(own) >= 0).all())
        last = own[-1]
        sizes += np.bincount(own, minlength=count)
    offsets = np.append(0, np.cumsum(sizes))
    if is_grouped:
        return values, keys, offsets
    places = offsets[:-1].copy()
    to_values, to_keys = on_disk(values.shape, values.dtype), on_disk(keys.shape, keys.dtype)
    for block in row_blocks(len(keys), values.shape[1]):
        own = keys["sequence"][block]
        order = np.argsort(own, kind="stable")
        present, first, counts = np.unique(own[order], return_index=True, return_counts=True)
        targets = np.repeat(places[present] - first, counts) + np.arange(len(own))
        to_values[targets], to_keys[targets] = values[block][order], keys[block][order]
        places[present] += counts
    return to_values, to_keys, offsets


def sort_by_time(values: np.ndarray, keys: np.ndarray, offsets: np.ndarray) -> None:
    """Sorts the rows of each sequence by time, in place."""
    unsorted: set[int] = set()
    for rows, change in _changes(keys, offsets):
        unsorted.update((np.searchsorted(offsets, rows[change < 0], side="right") - 1).tolist())
    for number in sorted(unsorted):
        own = slice(int(offsets[number]), int(offsets[number + 1]))
        order = np.argsort(keys["time"][own], kind="stable")
        values[own], keys[own] = values[own][order], keys[own][order]


def find_duplicate_time(keys: np.ndarray, offsets: np.ndarray) -> int | None:
    """The first row with the time of the row before it in its sequence, None if there is none."""
    for rows, change in _changes(keys, offsets):
        if (change == 0).any():
            return int(rows[change == 0][0])
    return None


def _changes(keys: np.ndarray, offsets: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields rows that are not the first of their sequence, and their time since the row before."""
    for block in row_blocks(len(keys)):
        start = max(block.start, 1)
        change = np.diff(keys["time"][start - 1 : block.stop])
        inside = np.ones(len(change), bool)
        ends = offsets[np.searchsorted(offsets, start) : np.searchsorted(offsets, block.stop)]
        inside[ends - start] = False
        yield np.flatnonzero(inside) + start, change[inside]
