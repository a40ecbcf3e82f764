"""Wide tables, with a column or a row for each series, as long ones with a row for each step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from gatewise.data.series.time_source import STEP, TIME, unused_name
from gatewise.data.tables.columns import ID_NAMES, Columns, find_time, has_values, like_times
from gatewise.data.tables.header import YEARS, times_among
from gatewise.data.tables.missing import describe_markers
from gatewise.data.tables.names import name_some
from gatewise.data.tables.row_numbers import counts_rows, is_unnamed
from gatewise.data.tables.table import Table
from gatewise.data.times.formats import whole_date_format
from gatewise.errors import GatewiseError

SERIES, VALUE = "series", "value"  # the columns that are made, beside that of the times
FEWEST = 3  # columns of values by which rows are found to be series


class Long(NamedTuple):
    """A long table, its columns by role, and notes on how it was made."""

    table: Table
    columns: Columns
    notes: list[str]


def to_long(table: Table, columns: Columns) -> Long:
    """A wide table as a long one; any other table unchanged.

    columns: `wide` is the layout; if it is None, rows are series where `has_plain_rows`

    Raises: `GatewiseError` if a role does not exist in the layout, or a cell is not a number.
    """
    if columns.wide == "columns":
        return _from_columns(table, columns)
    if columns.wide == "rows":
        return _from_rows(table, columns)
    if not has_plain_rows(table, columns):
        return Long(table, columns, [])
    found = _from_rows(table, replace(columns, wide="rows"))
    return found._replace(
        notes=[f"{found.notes[0]} (--target COLUMN reads a column instead)", *found.notes[1:]]
    )


def has_plain_rows(table: Table, columns: Columns) -> bool:
    """Whether each row is certainly a series.

    It is if no role but the id is given, no column has times, and at least three columns are named by times
    (2024-01, 1965Q1, 1960) or, beside columns of texts of which the first differs in each row, all others
    are numbered (V2, V3, V4).
    """
    if any((columns.time, columns.target, columns.known, columns.observed)):
        return False
    values = named_by_times(table.columns)
    if not values:
        texts = [name for name in table.columns if table.has_texts(name)]
        if not texts or table.frame[texts[0]].is_duplicated().any():
            return False
        values = [name for name in table.columns if name not in (*texts, *columns.static)]
        if len(values) < FEWEST or not _are_numbered(values):
            return False
    return not like_times(table, [name for name in table.columns if name not in values])


def named_by_times(names: Sequence[str]) -> list[str]:
    """The names that are times, years or dates of digits; none if there are fewer than three.

    >>> named_by_times(["shop", "1998Q1", "1998Q2", "1998Q3"])
    ['1998Q1', '1998Q2', '1998Q3']
    >>> named_by_times(["country", "1960", "1961", "1962", "1963"])
    ['1960', '1961', '1962', '1963']
    >>> named_by_times(["a", "1", "2", "3"])
    []
    """
    times = times_among(names)
    if len(times) >= FEWEST:
        return times
    digits = [name for name in names if name.isdecimal()]
    if len(digits) < FEWEST or not all(int(one) < int(other) for one, other in pairwise(digits)):
        return []
    are_years = YEARS[0] <= int(digits[0]) and int(digits[-1]) <= YEARS[1]
    return digits if are_years or whole_date_format(pl.Series(digits)) is not None else []


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether names have consecutive numbers after the same beginning, such as V2, V3, V4."""
    found = [re.fullmatch(r"(.*?)(\d{1,9})", name) for name in names]
    numbers = [int(one[2]) for one in found if one is not None and found[0] and one[1] == found[0][1]]
    return len(numbers) == len(names) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _from_columns(table: Table, columns: Columns) -> Long:
    """A long table of one with a column for each series."""
    _refuse(
        table,
        (columns.id, columns.target, *(columns.id_source or ()), *columns.static),
        "each column of numbers is a series",
    )
    others, notes = (*columns.known, *columns.observed), []
    if columns.time is None:
        time = find_time(table, [name for name in table.columns if name not in others])
        columns = replace(columns, time=time)
        notes.append(f"time is column {time!r}")
    times = (str(columns.time),) if columns.time_source is None else columns.time_source
    for role, given in (("time", times), ("covariate", others)):
        for name in given:
            table.column(name, role)
    left = [name for name in table.columns if name not in (*times, *others)]
    names = [name for name in left if has_values(table, name) and not table.has_texts(name)]
    if not names:
        raise GatewiseError(f"{table.path} has no column of numbers for a series beside {', '.join(times)}")
    notes.append(
        f"each of {len(names):,} columns is a series: {name_some(names)}{_describe_unused(left, names)}"
    )
    values = _values(table, names)
    places, rows = np.divmod(np.arange(values.size), len(values))
    columns = replace(
        columns,
        id=columns.id or unused_name(table.columns, SERIES),
        target=columns.target or unused_name(table.columns, VALUE),
    )
    made = (pl.Series(columns.id, names).gather(places), pl.Series(columns.target, values.T.reshape(-1)))
    long = _long(table, dict.fromkeys((*times, *others)), names, rows, places, made)
    return Long(long, columns, [*notes, *_describe_cells(table, names)])


def _from_rows(table: Table, columns: Columns) -> Long:
    """A long table of one with a row for each series; the last values of a row may be missing."""
    _refuse(table, (columns.target, *columns.known, *columns.observed), "each row has the values of a series")
    is_counted = columns.time_source is not None
    times = [] if is_counted else named_by_times(table.columns)
    if columns.time is not None and not is_counted and not times:
        raise GatewiseError(
            f"{table.path}: the names of its columns are not times; --time none counts the values of each row"
        )
    ids = _find_ids(table, columns, times)
    left = [name for name in table.columns if name not in (*ids, *columns.static)]
    names = times or [name for name in left if not _is_beside(table, name)]
    if not names:
        raise GatewiseError(f"{table.path} has no columns of numbers for the values of a series")
    values = _values(table, names)
    steps = np.arange(len(names))
    last = np.where(np.isnan(values), 0, steps).max(axis=1, keepdims=True)
    rows, places = np.nonzero(steps <= last)
    if not times:
        columns = replace(columns, time_source=())
    columns = replace(
        columns,
        id=columns.id or (ids[0] if ids else unused_name(table.columns, SERIES)),
        time=columns.time or unused_name(table.columns, TIME if times else STEP),
        target=columns.target or unused_name(table.columns, VALUE),
    )
    made = [pl.Series(columns.target, values[rows, places])]
    if times:
        made.append(pl.Series(columns.time, names).gather(places))
    if not ids:
        made.append(pl.Series(columns.id, rows + 1).cast(pl.String))
    for name in columns.static:
        table.column(name, "static column")
    long = _long(table, dict.fromkeys((*ids, *columns.static)), names, rows, places, made)
    key = f"column {' and '.join(map(repr, ids))}" if ids else "their numbers"
    note = (
        f"each of {len(values):,} rows is a series, identified by {key}, with {len(names):,} values in the "
        f"columns {names[0]!r} to {names[-1]!r}{_describe_unused(left, names)}"
    )
    return Long(long, columns, [note, *_describe_cells(table, names)])


def _find_ids(table: Table, columns: Columns, times: Sequence[str]) -> tuple[str, ...]:
    """The columns that identify the rows of a table, none if they are numbered.

    Raises: `GatewiseError` if the given column is not there, or no column of texts differs in each row.
    """
    if columns.id_source is not None:
        return columns.id_source
    if columns.id is not None:
        is_number = columns.id == SERIES and SERIES not in table.columns  # as made before
        return () if is_number else (table.column(columns.id, "id").name,)
    left = [name for name in table.columns if name not in (*times, *columns.static)]
    found = [name for name in left if name.lower() in ID_NAMES or table.has_texts(name)]
    different = [name for name in found if not table.frame[name].is_duplicated().any()]
    if found and not different:
        raise GatewiseError(
            f"{table.path}: no column identifies each row; give several, such as --id {','.join(found)}; "
            f"{table.excerpt()}"
        )
    return tuple(different[:1])


def _is_beside(table: Table, name: str) -> bool:
    """Whether a column of a table of rows has no values of the series, but texts or the numbers of rows."""
    return table.has_texts(name) or is_unnamed(name) or counts_rows(name, table.frame[name])


def _refuse(table: Table, given: Sequence[str | None], reason: str) -> None:
    """Raises: `GatewiseError` if one of the given columns is in the table."""
    name = next((name for name in given if name in table.columns), None)
    if name is not None:
        raise GatewiseError(
            f"{table.path}: in a wide table, {reason}; the column {name!r} can't have another role"
        )


def _values(table: Table, names: Sequence[str]) -> np.ndarray:
    """[rows, names], the numbers in columns of series. Raises: `GatewiseError` with the place of another."""
    return np.stack([table.numbers(name, "series") for name in names], axis=1)


def _long(
    table: Table,
    index: Iterable[str],
    names: Sequence[str],
    rows: np.ndarray,
    places: np.ndarray,
    made: Sequence[pl.Series],
) -> Table:
    """A table with a row for each cell of some columns.

    index: the columns to repeat; names: of the columns with cells; made: [cells], the new columns
    rows, places: [cells], the row of each cell, and the place of its column among the names
    """
    repeated = {name: table.frame[name].gather(rows) for name in index}
    frame = pl.DataFrame({**repeated, **{column.name: column for column in made}})
    cells = pl.Series(names).gather(places)
    return replace(table, frame=frame, lines=table.row_lines[rows], cells=cells, missing=())


def _describe_unused(left: Sequence[str], names: Sequence[str]) -> str:
    unused = [name for name in left if name not in names]
    return f"; not used: {name_some(unused)}" if unused else ""


def _describe_cells(table: Table, names: Sequence[str]) -> list[str]:
    """Notes on decimal commas and points, and on markers of empty cells."""
    counts = {name: table.count_missing(name) for name in names}
    return [*table.describe_numbers(names), *describe_markers(table.missing, counts)]
