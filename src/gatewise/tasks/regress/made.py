"""Made data: waves of different speeds, which are to be estimated, one row a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_table
from gatewise.data.made.waves import waves


def write(folder: Path) -> list[str]:
    """Writes a table. Returns: the words that train on it."""
    random = np.random.default_rng(0)
    turns = random.uniform(1, 4, 80).round(2)
    table, owners = waves(turns, np.ones(80), random)
    table["turns"] = [float(turns[number]) for number in owners]
    return [str(write_table(folder / "waves.csv", table)), "--target", "turns"]
