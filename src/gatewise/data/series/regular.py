"""The rows of one series, sorted by time, one step apart, with missing values filled on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from gatewise.data.series.step import Step
from gatewise.data.tables.table import Table
from gatewise.data.times.formats import format_time
from gatewise.errors import GatewiseError

FILLS = ("linear", "forward")
MAX_STEPS_PER_ROW, FEW_STEPS = 100, 100_000  # beyond both, nearly all values would be filled in


def sorted_rows(
    table: Table, times: pl.Series, ticks: np.ndarray, rows: np.ndarray, series: str
) -> np.ndarray:
    """The rows sorted by time. Raises: `GatewiseError` with both places of a duplicate time.

    ticks: the times of all rows as whole numbers
    """
    rows = rows[np.argsort(ticks[rows], kind="stable")]
    own = ticks[rows]
    twice = np.flatnonzero(own[1:] == own[:-1])
    if len(twice):
        first, second = sorted(int(row) for row in rows[twice[0] : twice[0] + 2])
        raise GatewiseError(
            f"{table.path}: {table.place(first)} and {table.place(second)} both have the time "
            f"{format_time(times[first])} in series {series!r}; keep one, or name the column that identifies "
            f"the series with --id, or another column of times with --time{_daylight_remedy(times[first])}"
        )
    return rows


def _daylight_remedy(time: object) -> str:
    """What to do if daylight saving time begins or ends at a time: on a Sunday night in spring or autumn."""
    if not isinstance(time, datetime) or not 1 <= time.hour <= 3:
        return ""
    if time.weekday() != 6 or time.month not in (3, 4, 9, 10, 11):
        return ""
    return "; if daylight saving time begins or ends here, give all times with their offset, such as +01:00"


@dataclass(frozen=True)
class Grid:
    """The times of a series, one step apart; `rows` holds the row of each time, -1 where there is none."""

    table: Table
    rows: np.ndarray
    times: pl.Series
    fill: str | None

    def missing(self, column: np.ndarray) -> int:
        """The number of values of a column that are missing on the grid."""
        return int(np.isnan(np.where(self.rows >= 0, column[self.rows], np.nan)).sum())

    def values(self, column: np.ndarray, name: str, steps: int) -> np.ndarray:
        """The first `steps` values of a column on the grid, with missing ones filled if requested.

        Raises: `GatewiseError` with the place of an empty cell that is not filled.
        """
        rows = self.rows[:steps]
        values = np.where(rows >= 0, column[rows], np.nan)
        missing = np.isnan(values)
        if not missing.any():
            return values
        first = int(missing.argmax())
        if self.fill is None or missing[0] or missing[-1]:
            place = (
                self.table.place(int(rows[first]))
                if rows[first] >= 0
                else f"at {format_time(self.times[first])}"
            )
            end = "first" if missing[0] else "last"
            remedy = f"the {end} value can't be filled" if self.fill else "--fill linear or forward fills it"
            raise GatewiseError(f"{self.table.path}, {place}, column {name!r} is empty; {remedy}")
        known = np.flatnonzero(~missing)
        if self.fill == "linear":
            return np.interp(np.arange(len(values)), known, values[known])
        return values[np.maximum.accumulate(np.where(missing, 0, np.arange(len(values))))]


def on_grid(
    table: Table, times: pl.Series, rows: np.ndarray, step: Step, fill: str | None, series: str
) -> Grid:
    """Places sorted rows on a grid of times.

    Raises: `GatewiseError` with the place of a time that is not on the grid, or of a gap that is not filled.
    """
    own = times.gather(rows)
    places, on = step.places(own)
    if not on.all():
        row = int(rows[on.argmin()])
        raise GatewiseError(
            f"{table.path}, {table.place(row)}: {format_time(times[row])} of series {series!r} does not fit "
            f"a step of one {step} from {format_time(own[0])}; resample the series to regular steps first"
        )
    count = int(places[-1]) + 1
    too_many = count > max(MAX_STEPS_PER_ROW * len(rows), FEW_STEPS)
    if count > len(rows) and (fill is None or too_many):
        gaps = np.diff(places)
        gap = int(gaps.argmax()) if too_many else int((gaps > 1).argmax())
        remedy = (
            "too many to fill: check the time of this row, or resample the series to regular steps first"
            if too_many
            else "fill gaps with --fill linear or --fill forward"
        )
        before, after = int(rows[gap]), int(rows[gap + 1])
        raise GatewiseError(
            f"{table.path}, {table.place(after)}: {gaps[gap] - 1} missing between "
            f"{format_time(times[before])} and {format_time(times[after])} in series {series!r} with a step "
            f"of one {step}; {remedy}{'' if too_many else _daylight_remedy(times[after])}"
        )
    whole = np.full(count, -1)
    whole[places] = rows
    return Grid(table, whole, step.grid(own, count), fill)
