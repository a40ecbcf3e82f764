"""Made data: an hourly measurement with a daily course, and a few faults near its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.made.files import write_table


def write(folder: Path) -> list[str]:
    """Writes a table. Returns: the words that train on it."""
    hours = np.arange(24 * 30)
    values = 20 + 5 * np.sin(2 * np.pi * hours / 24) + 0.3 * np.random.default_rng(0).normal(size=len(hours))
    values[[650, 651, 690]] += (9, 8, -10)
    begin = pl.datetime(2024, 1, 1)
    times = pl.select(pl.datetime_range(begin, begin + pl.duration(hours=len(hours) - 1), "1h")).to_series()
    columns = {"time": times.dt.strftime("%Y-%m-%d %H:%M").to_list(), "load": values.round(2).tolist()}
    return [str(write_table(folder / "load.csv", columns))]
