"""The rows of one series, sorted by time, with missing values filled on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from gatewise.data.series.filling import CAUSAL, fill_missing
from gatewise.data.series.step import DAY, HOUR, Phases, Step
from gatewise.data.tables.table import Table
from gatewise.data.times.formats import format_time
from gatewise.data.times.numeric import COUNT_REMEDY
from gatewise.errors import GatewiseError

MAX_STEPS_PER_ROW, FEW_STEPS = 100, 100_000  # beyond both, nearly all values would be filled in
MANY_STEPS = 10_000_000  # of all series
IRREGULAR = "give --irregular for irregular times"


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
            f"{COUNT_REMEDY if times.dtype.is_integer() and table.frame.width == 2 else ''}"
        )
    return rows


def _daylight_remedy(time: object) -> str:
    """What to do if daylight saving time begins or ends at a time: on a Sunday night in spring or autumn."""
    if not isinstance(time, datetime) or not 1 <= time.hour <= 3:
        return ""
    if time.weekday() != 6 or time.month not in (3, 4, 9, 10, 11):
        return ""
    return "; if daylight saving time begins or ends here, give all times with their offset, such as +01:00"


def _zone_remedy(times: pl.Series) -> str:
    """What to do about times at two hours of the day, one apart: days of a zone that are written in UTC."""
    if times.dtype.is_integer():
        return ""
    clocks = (times.dt.epoch("us") % DAY).unique().sort().to_list()
    if len(clocks) != 2 or clocks[1] - clocks[0] not in (HOUR, DAY - HOUR):
        return ""
    return "give the zone of local days in UTC with --time-zone, such as --time-zone Europe/Berlin, or "


@dataclass(frozen=True)
class Grid:
    """The times of a series, one step apart; `rows` holds the row of each time, -1 where there is none.

    fill, season: how missing values are filled, as in `fill_missing`; None refuses them
    is_irregular: whether its times are those of its rows, and not one step apart
    """

    table: Table
    rows: np.ndarray
    times: pl.Series
    fill: str | None
    season: int = 1
    is_irregular: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def cells(self, column: np.ndarray) -> np.ndarray:
        """A column on the grid, NaN where a value is missing."""
        return np.where(self.rows >= 0, column[self.rows], np.nan)

    def history(self, column: np.ndarray) -> int:
        """The steps up to the last value of a column."""
        there = np.flatnonzero(~np.isnan(self.cells(column)))
        return int(there[-1]) + 1 if len(there) else 0

    def between(self, first: int, end: int) -> Grid:
        """The steps first .. end - 1."""
        return replace(self, rows=self.rows[first:end], times=self.times[first:end])

    def filled_by(self, fill: str) -> Grid:
        """The same steps, filled in another way."""
        return replace(self, fill=fill)

    def missing(self, column: np.ndarray, steps: int) -> int:
        """How many of the first `steps` values of a column are missing."""
        return int(np.isnan(self.cells(column)[:steps]).sum())

    def values(self, column: np.ndarray, name: str, steps: int, is_target: bool = False) -> np.ndarray:
        """The first `steps` values of a column on the grid, with missing ones filled if requested.

        is_target: whether the column is the target, whose missing ends are cut off where gaps are filled

        Raises: `GatewiseError` with the place of an empty cell that is not filled.
        """
        values = self.cells(column)[:steps]
        missing = np.isnan(values)
        if not missing.any():
            return values
        can_fill_end = self.fill in CAUSAL or not missing[-1]
        if self.fill == "zero" or (self.fill is not None and not missing[0] and can_fill_end):
            times = self.times[:steps].to_physical().to_numpy() if self.is_irregular else None
            return fill_missing(values, self.fill, self.season, times)
        first = len(values) - 1 if self.fill and not missing[0] else int(missing.argmax())
        row = int(self.rows[first])
        place = self.table.place(row) if row >= 0 else f"at {format_time(self.times[first])}"
        remedy = self._remedy(missing, is_target)
        raise GatewiseError(f"{self.table.path}, {place}, column {name!r} is empty; {remedy}")

    def _remedy(self, missing: np.ndarray, is_target: bool) -> str:
        """What to do about the first value that is not filled."""
        if missing[0]:
            if is_target and missing.all():
                return "no row of its series has a value; give one, or remove the series"
            if is_target:
                return "--fill linear or forward, in training, cuts off a missing beginning"
            return "the first value can't be filled, except by --fill zero"
        if self.fill is not None:
            return f"the last value can't be filled, except by --fill {', '.join(CAUSAL)}"
        if is_target and missing[int(missing.argmax()) :].all():
            return "--fill linear or forward, in training, cuts off a missing end"
        return "--fill linear or forward fills it"


def _gathered(times: pl.Series, rows: np.ndarray) -> pl.Series:
    """The times of some sorted rows; of consecutive ones a slice, which copies nothing."""
    first, last = int(rows[0]), int(rows[-1])
    return times.slice(first, len(rows)) if last - first == len(rows) - 1 else times[rows]


def on_grids(
    table: Table,
    times: pl.Series,
    ordered: Mapping[str, np.ndarray],
    step: Step,
    fill: str | None,
    season: int,
) -> dict[str, Grid]:
    """Places the sorted rows of each series on a grid of times; irregular ones stay as they are.

    Raises: `GatewiseError` as `on_grid`, or if the gaps of all series together are too many to fill.
    """
    if step.is_irregular:
        return {
            name: Grid(table, rows, _gathered(times, rows), fill, is_irregular=True)
            for name, rows in ordered.items()
        }
    phases, grids, steps = step.phases(times), {}, 0
    for name, rows in ordered.items():
        grids[name] = on_grid(table, times, rows, step, phases, fill, name, season)
        steps += len(grids[name])
        if steps > max(MAX_STEPS_PER_ROW * len(times), MANY_STEPS):
            raise GatewiseError(
                f"{table.path}: with a step of {step.words}, its {len(times):,} rows make more than "
                f"{steps:,} steps, too many to fill: check the times; {IRREGULAR}, or resample "
                "the series to regular steps first"
            )
    return grids


def on_grid(
    table: Table,
    times: pl.Series,
    rows: np.ndarray,
    step: Step,
    phases: Phases,
    fill: str | None,
    series: str,
    season: int = 1,
) -> Grid:
    """Places sorted rows on a grid of times.

    phases: those of all times, by which most series are known to be regular at once

    Raises: `GatewiseError` with the place of a time that is not on the grid, or of a gap that is not filled.
    """
    own = _gathered(times, rows)
    if phases.are_consecutive(rows):
        return Grid(table, rows, own, fill, season)
    places, on = step.places(own)
    if not on.all():
        row = int(rows[on.argmin()])
        raise GatewiseError(
            f"{table.path}, {table.place(row)}: {format_time(times[row])} of series {series!r} does not fit "
            f"a step of {step.words} from {format_time(own[0])}; {_zone_remedy(own)}{IRREGULAR}, or resample "
            "the series to regular steps first"
        )
    count = int(places[-1]) + 1
    too_many = count > max(MAX_STEPS_PER_ROW * len(rows), FEW_STEPS)
    if count > len(rows) and (fill is None or too_many):
        gaps = np.diff(places)
        gap = int(gaps.argmax()) if too_many else int((gaps > 1).argmax())
        remedy = (
            f"too many to fill: check the time of this row; {IRREGULAR}, or resample the series to regular "
            "steps first"
            if too_many
            else f"fill gaps with --fill linear or --fill forward, or {IRREGULAR}"
        )
        before, after = int(rows[gap]), int(rows[gap + 1])
        raise GatewiseError(
            f"{table.path}, {table.place(after)}: {gaps[gap] - 1} missing between "
            f"{format_time(times[before])} and {format_time(times[after])} in series {series!r} with a step "
            f"of {step.words}; {remedy}{'' if too_many else _daylight_remedy(times[after])}"
        )
    whole = np.full(count, -1)
    whole[places] = rows
    return Grid(table, whole, step.grid(own, count), fill, season)


def describe_widest_gap(grids: Mapping[str, Grid]) -> list[str]:
    """A note on the series of which more than half the steps are in one gap, if there are any."""
    found = []
    for name, grid in grids.items():
        if 2 * int((grid.rows < 0).sum()) <= len(grid):
            continue
        there = np.flatnonzero(grid.rows >= 0)
        gaps = np.diff(there) - 1
        widest = int(gaps.argmax()) if len(gaps) else 0
        if len(gaps) and 2 * gaps[widest] > len(grid):
            found.append((name, int(gaps[widest]), grid.table.place(int(grid.rows[there[widest + 1]]))))
    if not found:
        return []
    name, gap, place = found[0]
    more = f", and so it is in {len(found) - 1:,} other series" if len(found) > 1 else ""
    return [f"most steps of series {name!r} are one gap of {gap:,} before {place}: check its time{more}"]
