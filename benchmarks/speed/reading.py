"""Tables of many rows, and of many short series, read as series: beside polars and pandas.

Run with `python benchmarks/speed/reading.py`. CPU time in seconds, the median of some turns. polars and
pandas parse the file and its times only; gatewise also finds columns, step and gaps, checks every cell,
and places each series on a regular grid.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import polars as pl

from gatewise.data.series.series import read_series

TURNS = 3


def long_series(path: Path) -> None:
    """A million rows: ten hourly series of 100,000 steps."""
    hours = pl.datetime_range(datetime(2010, 1, 1), datetime(2021, 5, 29, 15), "1h", eager=True)
    write(path, np.full(10, len(hours)), hours, "%Y-%m-%d %H:%M")


def short_series(path: Path) -> None:
    """Two million rows: 100,000 monthly series of 18 to 24 steps."""
    months = pl.date_range(date(2018, 1, 1), date(2019, 12, 1), "1mo", eager=True)
    write(path, np.random.default_rng(0).integers(18, 25, 100_000), months, "%Y-%m-%d")


def write(path: Path, lengths: np.ndarray, times: pl.Series, form: str) -> None:
    """Writes series of given lengths from the same time on."""
    steps = np.concatenate([np.arange(length) for length in lengths])
    ids = pl.Series("id", [f"s{number}" for number in range(len(lengths))])
    frame = pl.DataFrame(
        {
            "id": ids.gather(np.repeat(np.arange(len(lengths)), lengths)),
            "time": times.gather(steps).dt.strftime(form),
            "value": np.random.default_rng(1).normal(size=len(steps)).round(4),
        }
    )
    frame.write_csv(path)


READERS: dict[str, Callable[[Path], object]] = {
    "gatewise": read_series,
    "pandas": lambda path: pd.read_csv(path, parse_dates=["time"]),
    "polars": lambda path: pl.read_csv(path, try_parse_dates=True),
}


def main() -> None:
    """Prints a row for each file and reader."""
    with TemporaryDirectory() as folder:
        for make in (long_series, short_series):
            path = Path(folder) / "table.csv"
            make(path)
            times: dict[str, list[float]] = {name: [] for name in READERS}
            for _ in range(TURNS):
                for name, read in READERS.items():
                    begin = time.process_time()
                    read(path)
                    times[name].append(time.process_time() - begin)
            for name, seconds in times.items():
                print(f"{make.__name__:<14} {name:<9} {statistics.median(seconds):6.2f} s", flush=True)


if __name__ == "__main__":
    main()
