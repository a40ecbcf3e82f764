"""Made data: the monthly sales of a shop, with a season and a trend."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_table


def write(folder: Path) -> list[str]:
    """Writes a table. Returns: the words that train on it."""
    months = np.arange(132)
    noise = np.random.default_rng(0).normal(size=len(months))
    sales = 200 + months / 2 + 40 * np.sin(2 * np.pi * months / 12) + 5 * noise
    names = [f"{2014 + month // 12}-{month % 12 + 1:02}" for month in months]
    path = write_table(folder / "sales.csv", {"month": names, "sales": sales.round(1).tolist()})
    return [str(path), "--horizon", "6"]
