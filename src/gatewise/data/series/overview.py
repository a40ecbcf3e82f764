"""What a table of series holds, and what is missing or wrong in it, without reading it for a model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.series.series import checked_series
from gatewise.data.series.step import Step, find_step, typical_step
from gatewise.data.series.timed_table import TimedTable, recognize_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.names import name_some
from gatewise.data.tables.row_numbers import counts_rows, is_unnamed
from gatewise.data.tables.table import Table
from gatewise.data.times.column import has_whole_dates, looks_like_times, read_times
from gatewise.data.times.formats import format_time
from gatewise.errors import GatewiseError

COLUMNS = ("column", "kind", "role", "empty", "values")
FAULTS = {  # columns of the series, and what they count
    "missing": "missing steps",
    "duplicate": "rows with the time of another row",
    "irregular": "rows between two steps",
    "empty": "rows without a value",
}


@dataclass(frozen=True)
class SeriesOverview:
    """The columns and the series of a table.

    rows: of the table
    columns: a row for each column: its name, its kind, its role, its number of empty cells, its values
    series: a row for each series: its rows, its first and last time, and its faults as in `FAULTS`; None if
        the roles are not clear
    step: between two times; None as for `series`, or if no series has two
    notes: on how the table was read
    problem: why a task of series refuses the table; None if it reads it
    timed, target: the table with times, and [rows] its target, NaN where it is no number, for a figure
    empty: [rows], whether the target is empty
    """

    path: str
    rows: int
    columns: pl.DataFrame
    series: pl.DataFrame | None = None
    step: Step | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None
    timed: TimedTable | None = None
    target: np.ndarray | None = None
    empty: np.ndarray | None = None

    @property
    def size(self) -> str:
        """The numbers of rows and columns of the table."""
        return f"{_count(self.rows, 'row')}, {_count(self.columns.height, 'column')}"

    def sentences(self) -> list[str]:
        """The number of series, their times, and their faults, a line each."""
        if self.series is None:
            return []
        shortest, longest = int(self.series["rows"].min()), int(self.series["rows"].max())  # type: ignore[arg-type]
        rows = ("" if shortest == longest else f"{shortest:,} to ") + _count(longest, "row")
        step = "" if self.step is None else f", with a step of {self.step.words}"
        lines = [f"{self.series.height:,} series of {rows}{step}"]
        for column, fault in FAULTS.items():
            found = self.series.filter(pl.col(column) > 0)
            if found.height:
                names = name_some(found["series"].to_list())
                lines.append(f"{fault}: {found[column].sum():,}, in {names}")
        if len(lines) == 1:
            is_regular = self.step is None or not self.step.is_irregular
            missing = "no step is missing, " * is_regular
            lines.append(f"{missing}no time is duplicate, no row is without a value")
        return lines


def look_at_series(
    table: Table,
    given: Columns,
    *,
    fill: str | None = None,
    season: int = 0,
    time_format: str | None = None,
    time_zone: str | None = None,
    irregular: bool = False,
) -> SeriesOverview:
    """Describes a table of series.

    given, fill, season, time_format, time_zone, irregular: as for `read_series`
    """
    rows = table.frame.height
    try:
        timed = recognize_series(table, given, time_format, time_zone, fill, irregular)
    except GatewiseError as error:
        notes = table.describe_form(given.dialect)
        return SeriesOverview(table.path, rows, _columns(table, {}), notes=notes, problem=str(error))
    problem, notes = None, timed.notes
    try:
        notes = checked_series(timed, fill=fill, season=season, irregular=irregular).notes
    except GatewiseError as error:
        problem = str(error)
    target = timed.table.frame[timed.columns.target]
    empty = timed.table.without_empty(target).is_null().to_numpy()
    different = timed.times.gather(max(timed.rows.values(), key=len)).unique().sort()
    step = typical_step(different, [np.arange(len(different))]) if irregular else find_step(different)
    series = pl.DataFrame([_describe(timed, empty, step, name) for name in timed.rows])
    return SeriesOverview(
        table.path,
        rows,
        _columns(table, _roles(timed)),
        series,
        step if len(different) > 1 else None,
        notes,
        problem,
        timed,
        _target(timed),
        empty,
    )


def _target(timed: TimedTable) -> np.ndarray:
    """[rows], the target; NaN if a cell is not a number."""
    try:
        return timed.table.numbers(timed.columns.target, "target")
    except GatewiseError:
        return np.full(timed.table.frame.height, np.nan)


def _describe(timed: TimedTable, empty: np.ndarray, step: Step, name: str) -> dict[str, Any]:
    """A row of the table of series."""
    rows, ticks = timed.rows[name], timed.ticks[timed.rows[name]]
    _, first = np.unique(ticks, return_index=True)
    times = timed.times.gather(rows[first])
    places, on = np.arange(len(times)), np.ones(len(times), bool)
    if not step.is_irregular:
        places, on = step.places(times)
    return {
        "series": name,
        "rows": len(rows),
        "first": format_time(times[0]),
        "last": format_time(times[-1]),
        "missing": int(places[on][-1] + 1 - on.sum()),
        "duplicate": len(rows) - len(first),
        "irregular": int((~on).sum()),
        "empty": int(empty[rows].sum()),
    }


def _roles(timed: TimedTable) -> dict[str, str]:
    """The role of each column of the file that has one, or its roles."""
    columns = timed.columns
    times = (columns.time,) if columns.time_source is None else columns.time_source
    ids = (columns.id,) if columns.id_source is None else columns.id_source
    named = [
        ("time", times),
        ("id", filter(None, ids)),
        ("target", columns.targets),
        ("known", columns.known),
        ("observed", columns.observed),
        ("static", columns.static),
    ]
    if timed.table.cells is not None and columns.target_source is None:
        named.append(("values", timed.table.cells.unique().to_list()))
    roles: dict[str, list[str]] = {}
    for role, names in named:
        for name in names:
            roles.setdefault(name, []).append(role)
    return {name: ", ".join(own) for name, own in roles.items()}


def _columns(table: Table, roles: Mapping[str, str]) -> pl.DataFrame:
    """The table of columns."""
    rows = []
    for name in table.columns:
        kind = _kind(table, name)
        empty, values = table.count_empty(name), _values(table, name, kind)
        rows.append((name, kind, roles.get(name, ""), empty, values))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _kind(table: Table, name: str) -> str:
    """What the cells of a column are."""
    column = table.frame[name]
    if table.count_empty(name) == len(column):
        return "empty"
    if column.dtype == pl.Duration or looks_like_times(table, name) or has_whole_dates(table, name):
        return "times"
    if is_unnamed(name) or counts_rows(name, column):
        return "row numbers"
    return "texts" if table.has_texts(name) else "numbers"


def _values(table: Table, name: str, kind: str) -> str:
    """The range of numbers or times, the number of different texts, or else the first and the last cell."""
    column = table.frame[name]
    if kind == "empty":
        return ""
    if kind == "texts":
        different = list(map(str, column.drop_nulls().unique(maintain_order=True).to_list()))
        return f"{len(different):,} different: {name_some(different)}"
    if kind == "numbers":
        try:
            numbers = table.numbers(name, "column")
            return f"{np.nanmin(numbers):g} to {np.nanmax(numbers):g}"
        except GatewiseError:
            pass
    cells = column.drop_nulls()
    first, last = 0, -1
    if kind == "times":
        with suppress(GatewiseError):
            times = read_times(table, name).values
            first, last = int(times.arg_min() or 0), int(times.arg_max() or 0)
    return f"{cells[first]} to {cells[last]}"


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' * (number != 1)}"
