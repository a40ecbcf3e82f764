"""Rows on disk brought together by sequence and in the order of time, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gatewise.data.sequences.spool import on_disk, pieces

KEYS = np.dtype([("sequence", "i4"), ("label", "i4"), ("line", "i8"), ("time", "f8")])


def gathered(values: np.ndarray, keys: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values and keys with each sequence's rows together, else in the order they had, and the offsets.

    values: [S, C]; keys: [S] of `KEYS`, sequences numbered as they begin; count: N -> offsets [N + 1]

    >>> keys = np.array([(0, 0, 2, 0), (1, 0, 3, 0), (0, 0, 4, 0)], KEYS)
    >>> values, keys, offsets = gathered(np.array([[1], [2], [3]]), keys, 2)
    >>> values[:, 0].tolist(), keys["line"].tolist(), offsets.tolist()
    ([1, 3, 2], [2, 4, 3], [0, 2, 3])
    """
    sizes = np.zeros(count, np.int64)
    together, last = True, 0
    for part in pieces(len(keys)):
        own = keys["sequence"][part]
        together &= bool(own[0] >= last and (np.diff(own) >= 0).all())
        last = own[-1]
        sizes += np.bincount(own, minlength=count)
    offsets = np.append(0, np.cumsum(sizes))
    if together:
        return values, keys, offsets
    places = offsets[:-1].copy()
    to_values, to_keys = on_disk(values.shape, values.dtype), on_disk(keys.shape, keys.dtype)
    for part in pieces(len(keys), values.shape[1]):
        own = keys["sequence"][part]
        order = np.argsort(own, kind="stable")
        met, first, counts = np.unique(own[order], return_index=True, return_counts=True)
        targets = np.repeat(places[met] - first, counts) + np.arange(len(own))
        to_values[targets], to_keys[targets] = values[part][order], keys[part][order]
        places[met] += counts
    return to_values, to_keys, offsets


def put_in_time(values: np.ndarray, keys: np.ndarray, offsets: np.ndarray) -> None:
    """Sorts the rows of each sequence by their times, in place."""
    wrong: set[int] = set()
    for rows, change in _changes(keys, offsets):
        wrong.update((np.searchsorted(offsets, rows[change < 0], side="right") - 1).tolist())
    for number in sorted(wrong):
        own = slice(int(offsets[number]), int(offsets[number + 1]))
        order = np.argsort(keys["time"][own], kind="stable")
        values[own], keys[own] = values[own][order], keys[own][order]


def same_time(keys: np.ndarray, offsets: np.ndarray) -> int | None:
    """The first row that has the time of the row before it in its sequence, if any does."""
    for rows, change in _changes(keys, offsets):
        if (change == 0).any():
            return int(rows[change == 0][0])
    return None


def _changes(keys: np.ndarray, offsets: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows that are not the first of their sequence, and how much later than the row before they are."""
    for part in pieces(len(keys)):
        start = max(part.start, 1)
        change = np.diff(keys["time"][start - 1 : part.stop])
        inside = np.ones(len(change), bool)
        ends = offsets[np.searchsorted(offsets, start) : np.searchsorted(offsets, part.stop)]
        inside[ends - start] = False
        yield np.flatnonzero(inside) + start, change[inside]
