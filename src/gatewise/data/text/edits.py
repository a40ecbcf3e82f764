"""The edit distance of sequences, and their alignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Pair = tuple[str | None, str | None]


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """The minimal number of insertions, deletions and substitutions (Levenshtein 1966).

    >>> edit_distance("kitten", "sitting"), edit_distance("", "abc"), edit_distance(["a", "b"], ["b"])
    (3, 3, 1)
    """
    return int(_distances(one, other)[-1, -1])


def alignment(one: Sequence[str], other: Sequence[str]) -> list[Pair]:
    """Pairs of symbols with the fewest edits; None opposite a symbol that is only in one sequence.

    >>> alignment("abcd", "xbd")
    [('a', 'x'), ('b', 'b'), ('c', None), ('d', 'd')]
    """
    d = _distances(one, other)
    row, column = len(one), len(other)
    pairs: list[Pair] = []
    while row or column:
        a, b = one[row - 1] if row else None, other[column - 1] if column else None
        if row and column and d[row, column] == d[row - 1, column - 1] + (a != b):
            pairs.append((a, b))
            row, column = row - 1, column - 1
        elif row and d[row, column] == d[row - 1, column] + 1:
            pairs.append((a, None))
            row -= 1
        else:
            pairs.append((None, b))
            column -= 1
    return pairs[::-1]


def _distances(one: Sequence[str], other: Sequence[str]) -> np.ndarray:
    """`d[i, j] = min(d[i-1, j] + 1, d[i, j-1] + 1, d[i-1, j-1] + (a_i != b_j))`, computed row by row."""
    numbers = {symbol: number for number, symbol in enumerate(dict.fromkeys([*one, *other]))}
    columns = np.array([numbers[symbol] for symbol in other], np.int64)
    place = np.arange(len(other) + 1)
    rows = [place]
    for number, symbol in enumerate(one, 1):
        above = np.minimum(rows[-1][1:] + 1, rows[-1][:-1] + (columns != numbers[symbol]))
        # From the left: d[j] = min over k <= j of above[k] + (j - k), a running minimum.
        rows.append(np.minimum.accumulate(np.concatenate([[number], above]) - place) + place)
    return np.stack(rows)
