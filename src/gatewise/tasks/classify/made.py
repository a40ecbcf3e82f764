"""Made data: slow and fast waves, one row a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_table
from gatewise.data.made.waves import waves


def write(folder: Path) -> list[str]:
    """Writes a table. Returns: the words that train on it."""
    random = np.random.default_rng(0)
    fast = np.arange(60) % 2
    table, owners = waves(1.0 + 2 * fast, np.ones(60), random)
    table["label"] = [("slow", "fast")[fast[number]] for number in owners]
    return [str(write_table(folder / "waves.csv", table))]
