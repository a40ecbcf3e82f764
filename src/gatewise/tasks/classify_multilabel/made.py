"""Made data: waves that may be fast, high, both or neither, one row a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_table
from gatewise.data.made.waves import waves


def write(folder: Path) -> list[str]:
    """Writes a table. Returns: the words that train on it."""
    random = np.random.default_rng(0)
    fast, high = random.integers(0, 2, (2, 80))
    table, owners = waves(1.0 + 2 * fast, 1.0 + 2 * high, random)
    table["fast"], table["high"] = ([int(one[number]) for number in owners] for one in (fast, high))
    return [str(write_table(folder / "waves.csv", table)), "--label", "fast,high"]
