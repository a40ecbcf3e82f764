"""A table of series with the roles of its columns and its times, before gaps and cells are checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.series.hierarchy import require_hierarchy
from gatewise.data.series.targets import describe_targets, identified_by_target, resolve_targets, with_targets
from gatewise.data.series.time_source import resolve_time, with_times
from gatewise.data.series.tsf import is_tsf, read_tsf
from gatewise.data.series.wide import to_long
from gatewise.data.tables.columns import Columns, FoundColumns, recognize, with_declared
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.joined_id import find_id_source, with_joined_id
from gatewise.data.tables.table import Table, read_table
from gatewise.data.times.clock import Clock
from gatewise.data.times.column import read_times
from gatewise.errors import GatewiseError


@dataclass(frozen=True)
class TimedTable:
    """A long table with a row for each step of a series.

    columns: by role, all found
    times: [rows]; clock: how they are written
    rows: the rows of each series by its id, in the order of the table
    notes: on how the table was read
    """

    table: Table
    columns: FoundColumns
    times: pl.Series
    clock: Clock
    rows: dict[str, np.ndarray]
    notes: tuple[str, ...]

    @cached_property
    def ticks(self) -> np.ndarray:
        """[rows], the times as numbers, whole ones unless they have decimals."""
        return self.times.to_physical().to_numpy()


def open_series(source: str | Path | pl.DataFrame, dialect: Dialect) -> Table:
    """The table in a file or an archive of series, or a polars frame as one."""
    if isinstance(source, pl.DataFrame):
        return Table("the frame", source, 1, missing=dialect.missing)
    path = Path(source)
    return read_tsf(path, dialect) if is_tsf(path) else read_table(path, dialect)


def recognize_series(
    table: Table,
    given: Columns,
    time_format: str | None = None,
    time_zone: str | None = None,
    fill: str | None = None,
    irregular: bool = False,
) -> TimedTable:
    """Finds the columns of a table, makes it long if it is wide, and reads its times.

    given, time_format, time_zone, fill, irregular: as for `read_series`

    Raises: `GatewiseError` if no column or several columns fit a role, or with the place of a wrong cell.
    """
    notes = list(table.describe_form(given.dialect))
    given = with_declared(table, replace(given, dialect=given.dialect.resolved(table.has_header)))
    given = resolve_time(table, resolve_targets(table, given))
    for name in given.hierarchy:
        table.column(name, "hierarchy")
    given = replace(given, id_source=given.id_source or find_id_source(table, given.id))
    table, given, layout_notes = to_long(table, given)
    found, column_notes = recognize(table, given, is_filled=fill is not None)
    if not isinstance(given, FoundColumns):
        found = identified_by_target(table, found)
    require_hierarchy(table, found)
    table = with_targets(table, found)
    table = with_joined_id(table, found.id, found.id_source)
    table, time_notes = with_times(table, found)
    notes += [*layout_notes, *column_notes, *describe_targets(found), *time_notes]
    times, clock = read_times(table, found.time, time_format, time_zone, irregular)
    notes += [] if clock.note is None else [clock.note]
    return TimedTable(table, found, times, clock, _rows_by_id(table, found), tuple(notes))


def _rows_by_id(table: Table, columns: FoundColumns) -> dict[str, np.ndarray]:
    if columns.id is None:
        return {columns.target: np.arange(table.frame.height)}
    ids = table.texts(columns.id, "id")
    if ids.is_null().any():
        place = table.place(int(ids.is_null().arg_max() or 0))
        raise GatewiseError(f"{table.path}, {place}, column {columns.id!r}: the id is missing")
    rows = pl.DataFrame({"id": ids}).with_row_index("row")
    groups = rows.group_by("id", maintain_order=True).agg("row")
    ends = groups["row"].list.len().cum_sum().to_numpy()
    each = np.split(groups["row"].explode().to_numpy().astype(np.int64), ends[:-1])
    return dict(zip(groups["id"], each, strict=True))
