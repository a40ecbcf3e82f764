"""The roles of the columns of a table of series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import polars as pl

from gatewise.data.series.step import find_step
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.joined_id import id_columns
from gatewise.data.tables.row_numbers import counts_rows, is_unnamed
from gatewise.data.tables.table import Table
from gatewise.data.times.column import has_whole_dates, looks_like_times, read_times
from gatewise.errors import GatewiseError

ID_NAMES = ("id", "unique_id", "series_id", "item_id", "series")
TIME_NAMES = (
    "time", "date", "datetime", "timestamp", "year", "month", "week", "day", "hour", "ds", "t",
    "step", "frame",
)  # fmt: skip
CALENDAR = ("year", "month", "day", "hour", "minute", "second")  # columns that together are a time
TARGET_NAMES = ("target", "value", "y")
MAX_LISTED = 12  # columns in a message
Wide = Literal["columns", "rows"]


@dataclass(frozen=True)
class Columns:
    """Columns by role; `known` covariates are known in advance, `observed` ones up to the present only.

    time_source: the columns that the time is made from; empty if rows are counted, None if it is in the file
    categorical: the covariates and static columns that are categories
    id_source: the columns that the id is made from; None if it is one column
    dialect: how the table is written
    wide: whether each column or each row of the table is a series; None if each row is a step
    static: the columns that are constant within each series, which may be those of the id
    target_source: the targets, if there are several; None if the target is one column
    hierarchy: the columns of the id from the largest aggregates down, if their sums are series, too
    """

    time: str | None = None
    target: str | None = None
    id: str | None = None
    known: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    time_source: tuple[str, ...] | None = None
    categorical: tuple[str, ...] = ()
    id_source: tuple[str, ...] | None = None
    dialect: Dialect = field(default_factory=Dialect)
    wide: Wide | None = None
    static: tuple[str, ...] = ()
    target_source: tuple[str, ...] | None = None
    hierarchy: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundColumns(Columns):
    """Columns by role, the time and the target among them; static columns of texts are categorical."""

    time: str
    target: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns of targets in the table."""
        return self.target_source or (self.target,)

    def target_of(self, series: str) -> str:
        """The column of the target of a series, which of several targets is the last part of its id.

        >>> columns = FoundColumns("t", "value", "id,target", id_source=("id", "target"))
        >>> replace(columns, target_source=("sold", "returned")).target_of("12 / sold")
        'sold'
        """
        if self.target_source is None:
            return self.target
        return self.id_cells(series, 1)[self.id_names[-1]][0]

    @property
    def id_names(self) -> tuple[str, ...]:
        """The columns that identify a series, in predictions."""
        return self.id_source or (self.id or "series",)

    def id_cells(self, series: str, rows: int) -> dict[str, list[str]]:
        """The columns that identify a series, by name, with its cells in a number of rows.

        >>> FoundColumns("t", "y", "country,store", id_source=("country", "store")).id_cells("FR / 12", 1)
        {'country': ['FR'], 'store': ['12']}
        """
        return id_columns([series] * rows, self.id or "series", self.id_source)


def with_declared(table: Table, given: Columns) -> Columns:
    """The columns that are given, and those that the form of a file declares for other roles."""
    declared = table.roles
    return replace(
        given,
        time=given.time or declared.get("time"),
        target=given.target or declared.get("target"),
        id=given.id or declared.get("id"),
    )


def recognize(table: Table, given: Columns, is_filled: bool = False) -> tuple[FoundColumns, list[str]]:
    """Finds the columns that were not given, by name and content. is_filled: whether gaps are filled

    Returns: the columns, and a note on each that was found

    Raises: `GatewiseError` if no column or several columns fit a role.
    """
    ids_given = (given.id,) if given.id_source is None else given.id_source
    targets = given.target_source or (given.target,)
    named = [given.time, *targets, *ids_given, *given.known]
    named += [name for name in given.observed if name not in (given.target_source or ())]
    named += [name for name in given.static if name not in ids_given]
    for name in named:
        if name is not None and max(named.count(name), given.static.count(name)) > 1:
            raise GatewiseError(f"{table.path}: the column {name!r} was given two roles; give it one")
    for name in given.categorical:
        if name not in (*given.known, *given.observed, *given.static):
            raise GatewiseError(
                f"{table.path}: the column {name!r} of --categorical is no covariate; name it with --known, "
                "--observed or --static too"
            )
    used = (*named, *(given.time_source or ()))
    left = [name for name in table.columns if name not in used]
    notes = []
    if given.time is None:
        given = replace(given, time=find_time(table, left))
        left.remove(str(given.time))
        notes.append(f"time is column {given.time!r}")
    ids = [name for name in left if name.lower() in ID_NAMES and table.frame[name].is_duplicated().any()]
    if given.id is None and ids:
        given = replace(given, id=ids[0])
        left.remove(ids[0])
        notes.append(f"series are identified by column {ids[0]!r}")
    if given.target is None:
        usual = [name for name in left if name.lower() in TARGET_NAMES]
        plain = [name for name in left if has_values(table, name)]
        numbers = [name for name in plain if not table.has_texts(name)]
        filled = [name for name in left if table.frame[name].null_count() < table.frame.height]
        found = usual or numbers or plain or filled or left
        others = partial(_other_targets, table, given, found, is_filled)
        given = replace(given, target=_only(table, "target", found, others))
        left.remove(str(given.target))
        notes.append(f"target is column {given.target!r}")
    if left:
        notes.append(f"not used: {', '.join(map(repr, left))}; --known or --observed adds them")
    if not isinstance(given, FoundColumns):
        given = replace(given, categorical=(*given.categorical, *_static_categories(table, given)))
    return FoundColumns(**vars(given)), notes


def _static_categories(table: Table, given: Columns) -> list[str]:
    """The static columns of texts or Booleans, beside those that are given as categories."""
    return [
        name
        for name in given.static
        if name not in given.categorical
        and (table.column(name, "static column").dtype == pl.Boolean or table.has_texts(name))
    ]


def find_time(table: Table, names: list[str]) -> str:
    """The column of times. Raises: `GatewiseError` if no column or several columns fit."""
    times = like_times(table, names)
    return _only(table, "time", times, lambda: _other_times(table, times))


def like_times(table: Table, names: list[str]) -> list[str]:
    """The columns of dates; else those with the name of a time; else those of dates that are digits only."""
    dates = [name for name in names if looks_like_times(table, name)]
    named = [name for name in names if name.lower() in TIME_NAMES]
    return dates or named or [name for name in names if has_whole_dates(table, name)]


def has_values(table: Table, name: str) -> bool:
    """Whether a column is neither empty nor a column of row numbers."""
    column = table.frame[name]
    return column.null_count() < len(column) and not is_unnamed(name) and not counts_rows(name, column)


def _other_targets(table: Table, given: Columns, found: list[str], is_filled: bool) -> str:
    """Other options where several columns may be the target, as the end of a message.

    is_filled: whether gaps are filled
    """
    options, missing = "", ["empty cells"] if any(table.count_empty(name) for name in found) else []
    times = table.frame[given.time] if given.time in table.columns else None
    if given.id is None and times is not None and times.is_duplicated().any():
        options = "; if its rows are of several series, name the column that identifies them with --id"
    else:
        if not any(table.has_texts(name) for name in found):
            options = ", or read each as a series with --wide columns"
        if times is not None and _has_gaps(table, times.name):
            missing.insert(0, "missing steps")
    if is_filled or not missing:
        return options
    return f"{options}; fill {' and '.join(missing)} with --fill linear or forward"


def _has_gaps(table: Table, name: str) -> bool:
    """Whether the times of a column are certainly not one step apart."""
    try:
        times = read_times(table, name).values.unique().sort()
    except GatewiseError:
        return False
    places, _ = find_step(times).places(times)
    return bool(len(times) and places[-1] + 1 > len(times))


def _other_times(table: Table, found: list[str]) -> str:
    """Other options where no column or several columns may be the time, as the end of a message."""
    if not found:
        numbers = [name for name in table.columns if has_values(table, name) and not table.has_texts(name)]
        columns = " (with --wide columns if each column is a series)" if len(numbers) > 1 else ""
        rows = ", or --wide rows if each row is a series" if len(numbers) > 2 else ""
        return f", or --time none for rows one step apart{columns}{rows}"
    by_field = {name.lower(): name for name in found}
    if by_field.keys() == {"year", "week"}:
        return f", or weeks as in ISO 8601 with --time {by_field['year']},{by_field['week']}"
    fields = CALENDAR[: len(found)]
    if by_field.keys() != set(fields):
        repeat = all(table.frame[name].is_duplicated().any() for name in found)
        is_one = not any(table.has_texts(name) for name in table.columns)  # without ids of several series
        return ", or --time none for rows one step apart" if repeat and is_one else ""
    return f", or all with --time {','.join(by_field[field] for field in fields)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def _only(table: Table, role: str, found: list[str], other: Callable[[], str]) -> str:
    """The only one of the columns. other: returns other options, for the message"""
    if len(found) == 1:
        return found[0]
    choice = f"could be {_listed(found)}" if found else f"is not clear among {_listed(table.columns)}"
    raise GatewiseError(
        f"{table.path}: the {role} column {choice}; name it with --{role} COLUMN{other()}; {table.excerpt()}"
    )
