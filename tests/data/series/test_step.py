"""Steps of time: the quick check of whole columns beside the exact one of each series."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gatewise.data.series.step import DAY, Step

MONTHS = pl.date_range(date(2023, 11, 1), date(2026, 3, 1), "1mo", eager=True).cast(pl.Datetime("us"))
HOURS = pl.datetime_range(datetime(2024, 2, 28), datetime(2024, 3, 2), "1h", eager=True)
COLUMNS = {
    "numbers": (pl.Series(np.arange(3, 90, 3)), Step(3, "numbers")),
    "hours": (HOURS, Step(DAY // 24, "microseconds")),
    "five past the hour": (HOURS + timedelta(minutes=5), Step(DAY // 24, "microseconds")),
    "first days": (MONTHS, Step(1, "months")),
    "quarters": (MONTHS.gather_every(3), Step(3, "months")),
    "noons of the 28th": (MONTHS + timedelta(days=27, hours=12), Step(1, "months")),
    "last days": (MONTHS.dt.month_end(), Step(1, "months")),
}


@pytest.mark.parametrize("step", [*(step for _, step in COLUMNS.values()), Step(DAY * 14, "microseconds")])
def test_a_step_is_read_as_it_is_written(step):
    assert Step.named(str(step)) == step


@pytest.mark.parametrize("name", COLUMNS)
def test_consecutive_times_are_those_of_a_grid(name):
    """A series is never called regular if it is not; only days that some months lack are not found."""
    times, step = COLUMNS[name]
    phases = step.phases(times)
    random = np.random.default_rng(0)
    for first in range(0, len(times) - 4, 3):
        rows = np.arange(first, min(first + 9, len(times)))
        for chosen in (rows, np.delete(rows, 2), random.permutation(rows)):
            places, on = step.places(times[chosen])
            is_regular = bool(on.all()) and places.tolist() == list(range(len(chosen)))
            assert phases.are_consecutive(chosen) == (is_regular and name != "last days")
        later = times[int(rows[1])] + (1 if step.unit == "numbers" else timedelta(hours=1))
        moved = times[rows].scatter(1, later)
        assert not step.phases(moved).are_consecutive(np.arange(len(rows)))
