"""Times of rows that are in several columns, or in none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from gatewise.data.tables.columns import CALENDAR, TIME_NAMES, Columns, FoundColumns, like_times
from gatewise.data.tables.table import Table
from gatewise.data.times.column import FIRST_ROWS

COUNTED = "none"
STEP, TIME = "step", "time"  # the columns that are made
CLOCK = r"^\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?\s*$"
BETWEEN = ("-", "-", " ", ":", ":")  # the fields of a calendar


def resolve_time(table: Table, columns: Columns) -> Columns:
    """Resolves a time of `none`, or of several columns with commas, to a column that `with_times` makes.

    A column of that name comes first. A time that is not given is resolved where it is certainly in several
    columns.

    Raises: `GatewiseError` if the table lacks one of several columns.
    """
    given = columns.time
    if given is None and columns.wide != "rows":
        source = _find_source(table, columns)
        return replace(columns, time=unused_name(table, TIME), time_source=source) if source else columns
    if given is None or given in table.columns or columns.time_source is not None:
        return columns
    if given == COUNTED:
        return replace(columns, time=unused_name(table, STEP), time_source=())
    if "," in given:
        source = tuple(name.strip() for name in given.split(","))
        for name in source:
            table.column(name, "time")
        return replace(columns, time=unused_name(table, TIME), time_source=source)
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

    They are numbers called year, month and so on, or a column of days that occur more than once and another
    one with the name of a time that has clocks.
    """
    ids = (columns.id,) if columns.id_source is None else columns.id_source
    given = (columns.target, *ids, *columns.known, *columns.observed)
    left = [name for name in table.columns if name not in given]
    times = like_times(table, left)
    called = {name.lower(): name for name in left if name.lower() in CALENDAR}
    by_field = {field: name for field, name in called.items() if not table.has_texts(name)}
    fields = tuple(field for field in CALENDAR if field in by_field)
    are_fields = {name.lower() for name in times} <= set(fields)
    if are_fields and len(fields) > 1 and fields == CALENDAR[: len(fields)]:
        return tuple(by_field[field] for field in fields)
    clocks = [name for name in left if name.lower() in TIME_NAMES and _has_clocks(table, name)]
    if len(times) == len(clocks) == 1 and table.frame[times[0]].is_duplicated().any():
        days = table.texts(times[0], "time")
        return () if days.str.contains(":", literal=True).any() else (times[0], clocks[0])
    return ()


def _has_clocks(table: Table, name: str) -> bool:
    """Whether the first cells of a column are hours and minutes."""
    given = table.frame[name].head(FIRST_ROWS)
    if given.dtype not in (pl.String, pl.Time):
        return False
    return bool(given.cast(pl.String).str.contains(CLOCK).all(ignore_nulls=False))


def unused_name(table: Table, name: str) -> str:
    """The name, with underscores if the table has a column of that name."""
    while name in table.columns:
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

    Columns called year, month and so on, in this order, make `2024-01-31 07:00`, whatever zeros they lack;
    others, such as a year and a quarter, are separated by spaces.
    """
    texts = [table.texts(name, "time") for name in source]
    if tuple(name.lower() for name in source) != CALENDAR[: len(source)]:
        return pl.select(pl.concat_str(texts, separator=" ")).to_series()
    joined = texts[0]
    for text, between in zip(texts[1:], BETWEEN, strict=False):
        joined = joined + between + text.str.zfill(2)
    return joined + ":00" if len(texts) == 4 else joined
