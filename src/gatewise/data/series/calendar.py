"""Calendar features: the phase of a time in the day, the week and the year."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from gatewise.data.series.step import DAY, SECOND, YEAR, Step

LENGTHS = {"day": DAY, "week": 7 * DAY, "year": YEAR}  # in microseconds
MIN_CYCLES = 2


def useful_cycles(times: pl.Series, step: Step) -> tuple[str, ...]:
    """The cycles of at least two steps that the times cover at least twice; others can't be learned.

    >>> times = pl.Series(["2024-01-01", "2024-03-01"]).str.to_datetime("%Y-%m-%d")
    >>> useful_cycles(times, Step(DAY, "microseconds"))
    ('week',)
    """
    if step.unit == "numbers":
        return ()
    span = (times[-1] - times[0]).total_seconds() * SECOND
    return tuple(
        name for name, length in LENGTHS.items() if step.length * 2 <= length and span >= MIN_CYCLES * length
    )


def calendar(times: pl.Series, cycles: Sequence[str]) -> np.ndarray:
    """[T, 2 * cycles]: sine and cosine of the phase in each cycle.

    >>> times = pl.Series(["2024-01-01", "2024-07-01"]).str.to_datetime("%Y-%m-%d")
    >>> calendar(times, ["year"]).round(1).tolist()
    [[0.0, 1.0], [0.0, -1.0]]
    """
    if not cycles:
        return np.empty((len(times), 0))
    day = ((times.dt.hour().cast(pl.Float64) + times.dt.minute() / 60) / 24).to_numpy()
    phases: dict[str, Callable[[], np.ndarray]] = {
        "day": lambda: day,
        "week": lambda: (times.dt.weekday().to_numpy() - 1 + day) / 7,
        "year": lambda: (times.dt.ordinal_day().to_numpy() - 1) / 365.25,
    }
    angles = 2 * np.pi * np.stack([phases[cycle]() for cycle in cycles], axis=-1)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(times), -1)
