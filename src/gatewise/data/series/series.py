"""Time series from a table: checked, sorted, one step apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.series.regular import FILLS, Grid, on_grid, sorted_rows
from gatewise.data.series.step import Step, find_step
from gatewise.data.series.time_source import resolve_time, with_times
from gatewise.data.tables.columns import Columns, FoundColumns, recognise
from gatewise.data.tables.numbers import describe_commas
from gatewise.data.tables.table import Table, read_table
from gatewise.data.times.clock import Clock
from gatewise.data.times.column import read_times
from gatewise.errors import GatewiseError


@dataclass(frozen=True)
class Series:
    """One series with regular steps.

    times: [T + F]; F steps beyond the last target, for which the known covariates are given
    target: [T] float64
    known: [T + F, C] float64, covariates known in advance
    observed: [T, D] float64, covariates known up to the present only
    """

    id: str
    times: pl.Series
    target: np.ndarray
    known: np.ndarray
    observed: np.ndarray

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class SeriesSet:
    """All series of a file, with their common step, their clock, and notes on how they were read."""

    series: tuple[Series, ...]
    columns: FoundColumns
    step: Step
    notes: tuple[str, ...]
    clock: Clock = field(default_factory=Clock)


def read_series(
    source: str | Path | pl.DataFrame,
    columns: Columns | None = None,
    *,
    fill: str | None = None,
    time_format: str | None = None,
) -> SeriesSet:
    """Reads one series, or many in long form, from a CSV, a Parquet file or a polars frame.

    Args:
        columns: by role; those that are not given are recognised by name and content. The time may be
            several columns with commas, or "none" to count the rows of each series
        fill: "linear" or "forward" fills missing steps and cells; None fills nothing
        time_format: as in `strftime`, for dates that could be read in two ways

    Raises: `GatewiseError` with file, line and column of a value that is missing, duplicate or not a number.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"month": ["2020-01", "2020-02", "2020-03"], "sold": [3, 4, 6]})
    >>> read_series(frame).series[0].target
    array([3., 4., 6.])
    """
    if fill is not None and fill not in FILLS:
        raise GatewiseError(f"expected fill as one of {', '.join(FILLS)}, got {fill!r}")
    table = Table("the frame", source, 1) if isinstance(source, pl.DataFrame) else read_table(source)
    found, notes = recognise(table, resolve_time(table, columns or Columns()))
    table, time_notes = with_times(table, found)
    notes += time_notes
    times, clock = read_times(table, found.time, time_format)
    notes += [] if clock.note is None else [clock.note]
    groups = _rows_by_id(table, found)
    ticks = times.to_physical().to_numpy()
    ordered = {name: sorted_rows(table, times, ticks, rows, name) for name, rows in groups.items()}
    if any((ordered[name] != rows).any() for name, rows in groups.items()):
        notes.append("rows were sorted by time")
    longest = max(ordered.values(), key=len)
    if len(longest) < 3:
        remedy = ""
        if found.id is not None:
            remedy = (
                f": column {found.id!r} makes {len(groups)} series of at most {len(longest)} rows; give the "
                "column that is the same in all rows of a series with --id, or remove it from the file"
            )
        raise GatewiseError(
            f"{table.path}: expected at least 3 rows for a series, got {len(longest)}{remedy}"
        )
    step = find_step(times.gather(longest))
    grids = {name: on_grid(table, times, rows, step, fill, name) for name, rows in ordered.items()}
    guessed = columns is None or columns.target is None
    target = _target(table, found, "; --target COLUMN names another column" if guessed else "")
    series = _series(table, found, grids, target)
    numeric = (found.target, *found.known, *found.observed)
    notes += describe_commas(name for name in numeric if table.has_decimal_commas(name))
    filled = sum(grid.missing(target) for grid in grids.values()) if fill and not found.known else 0
    if filled:
        lookahead = ", which uses the value after a gap" if fill == "linear" else ""
        notes.append(f"missing values that were filled: {filled} ({fill}{lookahead})")
    return SeriesSet(series, found, step, tuple(notes), clock)


def _rows_by_id(table: Table, columns: FoundColumns) -> dict[str, np.ndarray]:
    if columns.id is None:
        return {columns.target: np.arange(table.frame.height)}
    ids = table.texts(columns.id, "id")
    if ids.is_null().any():
        place = table.place(int(ids.is_null().arg_max() or 0))
        raise GatewiseError(f"{table.path}, {place}, column {columns.id!r}: the id is missing")
    rows = pl.DataFrame({"id": ids}).with_row_index("row")
    groups = rows.group_by("id", maintain_order=True)
    return {str(key[0]): group["row"].to_numpy().astype(np.int64) for key, group in groups}


def _target(table: Table, columns: FoundColumns, hint: str) -> np.ndarray:
    try:
        return table.numbers(columns.target, "target")
    except GatewiseError as error:
        raise GatewiseError(f"{error}{hint}") from error


def _series(
    table: Table, columns: FoundColumns, grids: dict[str, Grid], target: np.ndarray
) -> tuple[Series, ...]:
    known = {name: table.numbers(name, "known covariate") for name in columns.known}
    observed = {name: table.numbers(name, "observed covariate") for name in columns.observed}

    def side_by_side(values: dict[str, np.ndarray], grid: Grid, steps: int) -> np.ndarray:
        on_steps = [grid.values(column, name, steps) for name, column in values.items()]
        return np.stack(on_steps, axis=-1) if on_steps else np.empty((steps, 0))

    series = []
    for name, grid in grids.items():
        steps = len(grid.rows)
        history = _history(grid, target) if columns.known else steps
        series.append(
            Series(
                name,
                grid.times,
                grid.values(target, columns.target, history),
                side_by_side(known, grid, steps),
                side_by_side(observed, grid, history),
            )
        )
    return tuple(series)


def _history(grid: Grid, target: np.ndarray) -> int:
    """The steps up to the last target; later rows only hold covariates known in advance."""
    there = np.flatnonzero((grid.rows >= 0) & ~np.isnan(target[grid.rows]))
    return int(there[-1]) + 1 if len(there) else 0
