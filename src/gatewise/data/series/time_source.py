"""Times of rows that are in several columns, or in none."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

import numpy as np
import polars as pl

from gatewise.data.tables.columns import CALENDAR, Columns, FoundColumns, like_times
from gatewise.data.tables.joined_id import find_columns, has_several
from gatewise.data.tables.table import Table

COUNTED = "none"
STEP, TIME = "step", "time"  # the columns that are made
CLOCK_NAMES, HOUR_NAMES = ("time", "clock", "hour", "hr"), ("hour", "hr")
CLOCK = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?$|^\d{1,2}\.\d{2}\.\d{2}$"
POINTS = r"^\d{1,2}\.\d{2}\.\d{2}$"
HOUR = r"^(?:[01]?\d|2[0-4])$"
DAY = (  # 20240131, 31.1.2024, 31-Jan-2024, Jan 31, 2024
    r"^(?:\d{8}|[^:]*\d[^:\d]+\d+[^:\d]+\d+|\d+\W*[A-Za-z]{3,}\W*\d{4}|[A-Za-z]{3,}\W*\d+\W+\d{4})$"
)
BETWEEN = ("-", "-", " ", ":", ":")  # the fields of a calendar


def resolve_time(table: Table, columns: Columns) -> Columns:
    """Resolves a time of `none`, or of several columns with commas, to a column that `with_times` makes.

    A column of that name comes first. A time that is not given is resolved where it is certainly in several
    columns.

    Raises: `GatewiseError` as `find_columns`.
    """
    given = columns.time
    if given is None and columns.wide != "rows":
        source = _find_source(table, columns)
        if not source:
            return columns
        return replace(columns, time=unused_name(table.columns, TIME), time_source=source)
    if given is None or given in table.columns or columns.time_source is not None:
        return columns
    if given == COUNTED:
        return replace(columns, time=unused_name(table.columns, STEP), time_source=())
    if has_several(given):
        source = find_columns(table, given, "time")
        if len(source) == 1:
            return replace(columns, time=source[0])
        return replace(columns, time=unused_name(table.columns, TIME), time_source=source)
    return columns


def with_times(table: Table, columns: FoundColumns) -> tuple[Table, list[str]]:
    """The table with the column of times if it has to be made, and a note on it.

    Raises: `GatewiseError` if it lacks a column of the source.
    """
    source = columns.time_source
    if source is None:
        return table, []
    if not source:
        times, note = _counted(table, columns.id), "times are counted: 0, 1, 2 and so on in each series"
    else:
        times, note = _joined(table, source), f"time is read from the columns {', '.join(map(repr, source))}"
    return replace(table, frame=table.frame.with_columns(times.alias(columns.time))), [note]


def _find_source(table: Table, columns: Columns) -> tuple[str, ...]:
    """The columns that are certainly a time together, none if there are none.

    They are numbers called year, month and so on; or a column of days that occur more than once and another
    one with the name of a time that has clocks or hours; or years that do, and a column called quarter.
    """
    ids = (columns.id,) if columns.id_source is None else columns.id_source
    targets = columns.target_source or (columns.target,)
    given = (*targets, *ids, *columns.known, *columns.observed)
    left = [name for name in table.columns if name not in given]
    times = like_times(table, left)
    called = {name.lower(): name for name in left if name.lower() in CALENDAR}
    by_field = {field: name for field, name in called.items() if not table.has_texts(name)}
    fields = tuple(field for field in CALENDAR if field in by_field)
    are_fields = {name.lower() for name in times} <= set(fields)
    if are_fields and len(fields) > 1 and fields == CALENDAR[: len(fields)]:
        return tuple(by_field[field] for field in fields)
    if len(times) != 1 or not table.frame[times[0]].is_duplicated().any():
        return ()
    if times[0].lower() == "year":
        quarters = [name for name in left if name.lower() == "quarter"]
        return (times[0], *quarters) if len(quarters) == 1 else ()
    clocks = [name for name in left if name.lower() in CLOCK_NAMES and _has_clocks(table, name)]
    has_days = table.texts(times[0], "time").str.contains(DAY).all(ignore_nulls=False)
    return (times[0], clocks[0]) if has_days and len(clocks) == 1 and clocks != times else ()


def _has_clocks(table: Table, name: str) -> bool:
    """Whether the cells of a column are hours and minutes, or those of a column called hour are hours."""
    given = table.frame[name]
    if not (given.dtype in (pl.String, pl.Time) or given.dtype.is_integer()):
        return False
    cells, forms = table.texts(name, "time"), (CLOCK, HOUR) if name.lower() in HOUR_NAMES else (CLOCK,)
    return any(cells.str.contains(form).all(ignore_nulls=False) for form in forms)


def unused_name(columns: Container[str], name: str) -> str:
    """The name, with underscores if there is a column of that name."""
    while name in columns:
        name += "_"
    return name


def _counted(table: Table, id_column: str | None) -> pl.Series:
    """The number of each row among the rows of its series."""
    if id_column is None:
        return pl.Series(np.arange(table.frame.height))
    ids = pl.DataFrame({"id": table.texts(id_column, "id")})
    return ids.select(pl.int_range(pl.len(), dtype=pl.Int64).over("id")).to_series()


def _joined(table: Table, source: tuple[str, ...]) -> pl.Series:
    """The texts of several columns as one, null where one is empty.

    Columns called year, month and so on, in this order, make `2024-01-31 07:00`, whatever zeros they lack; a
    year with a quarter or a week `2024Q1` or `2024-W07`; days with a clock or an hour `31.1.2024 07:00`.
    Others are separated by spaces.
    """
    texts = [table.texts(name, "time") for name in source]
    names = tuple(name.lower() for name in source)
    if names in (("year", "quarter"), ("year", "week")):
        return texts[0] + ("Q" + texts[1] if names[1] == "quarter" else "-W" + texts[1].str.zfill(2))
    if names != CALENDAR[: len(source)]:
        if len(texts) == 2 and texts[0].str.contains(DAY).all(ignore_nulls=False):
            texts[1] = _clocks(texts[1])
        return pl.select(pl.concat_str(texts, separator=" ")).to_series()
    joined = texts[0]
    for text, between in zip(texts[1:], BETWEEN, strict=False):
        joined = joined + between + text.str.zfill(2)
    return joined + ":00" if len(texts) == 4 else joined


def _clocks(cells: pl.Series) -> pl.Series:
    """Clocks such as 07:00:00 for clocks with points, and 07:00 for hours; any other cells unchanged."""
    if cells.str.contains(HOUR).all(ignore_nulls=False):
        return cells.str.zfill(2) + ":00"
    return cells.str.replace_all(".", ":", literal=True) if cells.str.contains(POINTS).all() else cells
