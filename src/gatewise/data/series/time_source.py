"""Times of rows that are in several columns, or in none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from gatewise.data.tables.columns import CALENDAR, Columns, FoundColumns
from gatewise.data.tables.table import Table

COUNTED = "none"
STEP, TIME = "step", "time"  # the columns that are made
BETWEEN = ("-", "-", " ", ":", ":")  # the fields of a calendar


def resolve_time(table: Table, columns: Columns) -> Columns:
    """Resolves a time of `none`, or of several columns with commas, to a column that `with_times` makes.

    A column of that name comes first.

    Raises: `GatewiseError` if the table lacks one of several columns.
    """
    given = columns.time
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
