"""Sequences of noisy waves, as long tables: one row a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STEPS = 24


def waves(
    turns: np.ndarray, heights: np.ndarray, random: np.random.Generator
) -> tuple[dict[str, Sequence[object]], list[int]]:
    """A sequence for each of the turns and heights: a long table, and the sequence of each of its rows."""
    time = np.linspace(0, 2 * np.pi, STEPS)
    values = heights[:, None] * np.sin(turns[:, None] * time) + 0.1 * random.normal(size=(len(turns), STEPS))
    owners = [number for number in range(len(turns)) for _ in range(STEPS)]
    table: dict[str, Sequence[object]] = {
        "id": [f"s{number:03}" for number in owners],
        "time": list(range(STEPS)) * len(turns),
        "value": values.round(3).ravel().tolist(),
    }
    return table, owners
