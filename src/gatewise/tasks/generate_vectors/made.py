"""Made data: a pen that draws noisy circles, one row a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_table

STEPS = 16


def write(folder: Path) -> list[str]:
    """Writes a table. Returns: the words that train on it."""
    random = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, STEPS) + random.uniform(0, 2 * np.pi, (40, 1))
    x, y = (one(angles) + 0.05 * random.normal(size=angles.shape) for one in (np.cos, np.sin))
    table: dict[str, Sequence[object]] = {
        "id": [f"c{number:02}" for number in range(40) for _ in range(STEPS)],
        "time": list(range(STEPS)) * 40,
        "x": x.round(3).ravel().tolist(),
        "y": y.round(3).ravel().tolist(),
    }
    return [str(write_table(folder / "circles.csv", table)), "--channels", "x,y"]
