"""Batches of sequences of similar length."""

from __future__ import annotations

import numpy as np

STEPS_AT_ONCE = 2**14


def even_batches(sizes: np.ndarray) -> list[list[int]]:
    """The numbers of sequences of like length, as many together as have a bounded number of steps."""
    made: list[list[int]] = [[]]
    for number in np.argsort(-sizes, kind="stable").tolist():
        if made[-1] and (len(made[-1]) + 1) * sizes[made[-1][0]] > STEPS_AT_ONCE:
            made.append([])
        made[-1].append(number)
    return [rows for rows in made if rows]
