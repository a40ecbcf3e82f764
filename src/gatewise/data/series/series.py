"""Time series from a table: checked, sorted, and one step apart or at irregular times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.series.covariates import Covariate, describe_covariates, read_covariate
from gatewise.data.series.filling import MASK, require_fill, season_of
from gatewise.data.series.hierarchy import describe_hierarchy, with_aggregates
from gatewise.data.series.left_out import without_missing_ends
from gatewise.data.series.regular import Grid, describe_widest_gap, on_grids, sorted_rows
from gatewise.data.series.series_set import Series, SeriesSet
from gatewise.data.series.statics import describe_statics, read_statics
from gatewise.data.series.step import Step, find_step, typical_step
from gatewise.data.series.timed_table import TimedTable, open_series, recognize_series
from gatewise.data.tables.columns import Columns, FoundColumns
from gatewise.data.tables.missing import describe_markers
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

ROWS_FOR_STEP = 3  # of the longest series


def read_series(
    source: str | Path | pl.DataFrame,
    columns: Columns | None = None,
    *,
    fill: str | None = None,
    season: int = 0,
    time_format: str | None = None,
    time_zone: str | None = None,
    irregular: bool = False,
    step: Step | None = None,
) -> SeriesSet:
    """Reads one series, or many in long form, from a CSV, a Parquet file or a polars frame.

    Args:
        columns: by role; those that are not given are recognized by name and content. The time may be
            several columns with commas, or "none" to count the rows of each series; so may the id
        fill: "linear", "forward", "seasonal", "zero" or "mask" fills missing steps and cells, and cuts off
            missing values at both ends of a target; None does neither
        season: the steps of a season for "seasonal"; 0 for the usual ones of the step
        time_format: as in `strftime`, for dates that could be read in two ways; "excel" for serial numbers of
            Excel, "study" for years and months such as 1-01
        time_zone: a zone to whose local time those in UTC, or with an offset, are converted
        irregular: whether times need not be a step apart; rows after the last target are times to forecast
        step: of a model; it is the step if no series has enough rows to find it, or if times are irregular

    Raises: `GatewiseError` with file, line and column of a value that is missing, duplicate or not a number.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"month": ["2020-01", "2020-02", "2020-03"], "sold": [3, 4, 6]})
    >>> read_series(frame).series[0].target
    array([3., 4., 6.])
    """
    require_fill(fill)
    given = columns or Columns()
    timed = recognize_series(
        open_series(source, given.dialect), given, time_format, time_zone, fill, irregular
    )
    hint = "; --target COLUMN names another column" if given.target is None else ""
    return checked_series(timed, fill=fill, season=season, hint=hint, irregular=irregular, known_step=step)


def checked_series(
    timed: TimedTable,
    *,
    fill: str | None = None,
    season: int = 0,
    hint: str = "",
    irregular: bool = False,
    known_step: Step | None = None,
) -> SeriesSet:
    """The series of a table, checked, sorted, and one step apart unless times are irregular.

    fill, season, irregular: as for `read_series`; known_step: its `step`
    hint: the end of a message on a target that is not a number

    Raises: `GatewiseError` with file, line and column of a value that is missing, duplicate or not a number.
    """
    table, found, times, groups, notes = timed.table, timed.columns, timed.times, timed.rows, [*timed.notes]
    ordered = {name: sorted_rows(table, times, timed.ticks, rows, name) for name, rows in groups.items()}
    if any((ordered[name] != rows).any() for name, rows in groups.items()):
        notes.append("rows were sorted by time")
    step = _step(timed, ordered, irregular, known_step)
    season = season_of(step, season) if fill == "seasonal" else 1
    grids = on_grids(table, times, ordered, step, fill, season)
    target = _target(table, found, hint)
    warnings: list[str] = []
    has_future = bool(found.known) or irregular
    if fill is not None or found.wide is not None:
        grids, warnings = without_missing_ends(grids, target, found.target, keep_end=has_future)
    values = _Values(table, found, target, has_future)
    statics = read_statics(table, found, {name: ordered[name] for name in grids})
    series = tuple(
        replace(values.series(name, grid), static=static)
        for (name, grid), static in zip(grids.items(), statics, strict=True)
    )
    used = dict.fromkeys((*found.targets, *found.known, *found.observed, *found.static))
    numeric = [name for name in used if name not in found.categorical]
    notes += table.describe_numbers(numeric)
    notes += describe_covariates(values.covariates)
    notes += describe_statics(found, statics)
    notes += describe_markers(table.missing, _count_missing(table, found, numeric))
    if irregular:
        notes += _describe_irregular(series)
    if fill is not None:
        notes += [*values.describe_filled(grids.values(), fill), *describe_widest_gap(grids)]
    source = SeriesSet(series, found, step, tuple(notes), timed.clock, masked=fill == MASK)
    source = with_aggregates(source, table.path, groups)
    return replace(source, notes=(*source.notes, *describe_hierarchy(source))).warned(*warnings)


def _describe_irregular(series: Sequence[Series]) -> list[str]:
    """Notes on times without a value after the last target, and on times that are regular."""
    ahead = sum(len(one.times) - len(one) for one in series)
    notes = [f"times after the last values, to forecast: {ahead}"] if ahead else []
    gaps = [np.diff(one.times.to_physical().to_numpy()) for one in series if len(one.times) > 1]
    if gaps and np.ptp(np.concatenate(gaps)) == 0:
        notes.append("all times are one step apart, so that --irregular adds nothing")
    return notes


def _count_missing(table: Table, columns: FoundColumns, names: Iterable[str]) -> dict[str, int]:
    """The cells of columns that a marker makes empty; rows that several targets repeat count once."""
    return {name: table.count_missing(name) // len(columns.targets) for name in names}


def _step(timed: TimedTable, ordered: Mapping[str, np.ndarray], irregular: bool, known: Step | None) -> Step:
    """The step of the longest series, or the typical one at irregular times.

    It is a known one if times are irregular, or if rows are too few.

    ordered: the sorted rows of each series

    Raises: `GatewiseError` if no step is known, and rows are too few.
    """
    times, found = timed.times, timed.columns
    longest = max(ordered.values(), key=len)
    is_known = known is not None and times.dtype.is_numeric() == (known.unit == "numbers")
    if known is not None and is_known and (irregular or len(longest) < ROWS_FOR_STEP):
        return known
    if len(longest) >= ROWS_FOR_STEP or known is not None:
        return typical_step(times, ordered.values()) if irregular else find_step(times.gather(longest))
    remedy = ""
    if found.id is not None:
        remedy = (
            f": column {found.id!r} makes {len(timed.rows)} series of at most {len(longest)} rows; give the "
            "column that is the same in all rows of a series with --id, or remove it from the file"
        )
    raise GatewiseError(
        f"{timed.table.path}: expected at least {ROWS_FOR_STEP} rows for a series, got {len(longest)}{remedy}"
    )


def _target(table: Table, columns: FoundColumns, hint: str) -> np.ndarray:
    try:
        return table.numbers(columns.target, "target")
    except GatewiseError as error:
        raise GatewiseError(f"{error}{hint}") from error


class _Values:
    """The columns of numbers of a table. has_future: whether rows after the last target are to forecast"""

    def __init__(self, table: Table, columns: FoundColumns, target: np.ndarray, has_future: bool) -> None:
        self.columns, self.target, self.has_future = columns, target, has_future
        self.known, self.observed = (
            [read_covariate(table, name, f"{role} covariate", name in columns.categorical) for name in names]
            for role, names in (("known", columns.known), ("observed", columns.observed))
        )
        self.covariates = [*self.known, *self.observed]

    def series(self, name: str, grid: Grid) -> Series:
        """The series on a grid."""
        steps = self._history(grid)
        target = grid.values(self.target, self.columns.target, steps, is_target=True)
        return Series(
            name,
            grid.times,
            target,
            _side_by_side(self.known, grid, len(grid)),
            _side_by_side(self.observed, grid, steps),
            tuple(covariate.categories for covariate in self.covariates),
            np.isnan(grid.cells(self.target)[:steps]),
        )

    def describe_filled(self, grids: Iterable[Grid], fill: str) -> list[str]:
        """A note on the number of values that were filled, if there are any."""
        filled = 0
        for grid in grids:
            steps = self._history(grid)
            past = (self.target, *(covariate.values for covariate in self.observed))
            filled += sum(grid.missing(column, steps) for column in past)
            filled += sum(grid.missing(covariate.values, len(grid)) for covariate in self.known)
        if not filled:
            return []
        if fill == MASK:
            return [
                f"missing values that are masked: {filled}; none is a target, and networks read the last one"
            ]
        lookahead = ", which uses the value after a gap" if fill == "linear" else ""
        return [f"missing values that were filled: {filled} ({fill}{lookahead})"]

    def _history(self, grid: Grid) -> int:
        """The steps up to the last target; later rows only hold times and covariates known in advance."""
        return grid.history(self.target) if self.has_future else len(grid)


def _side_by_side(covariates: list[Covariate], grid: Grid, steps: int) -> np.ndarray:
    on_steps = [covariate.on(grid, steps) for covariate in covariates]
    return np.stack(on_steps, axis=-1) if on_steps else np.empty((steps, 0))
