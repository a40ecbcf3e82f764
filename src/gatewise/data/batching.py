"""Batches of sequences of similar length."""

from __future__ import annotations

import numpy as np

STEPS_AT_ONCE = 2**14


def even_batches(sizes: np.ndarray) -> list[list[int]]:
    """Batches of the numbers of sequences, longest first, with a bounded number of padded steps each.

    sizes: [N], the length of each sequence

    >>> even_batches(np.array([100, 10_000, 9_000, 100]))
    [[1], [2], [0, 3]]
    """
    batches: list[list[int]] = [[]]
    for number in np.argsort(-sizes, kind="stable").tolist():
        if batches[-1] and (len(batches[-1]) + 1) * sizes[batches[-1][0]] > STEPS_AT_ONCE:
            batches.append([])
        batches[-1].append(number)
    return [rows for rows in batches if rows]
