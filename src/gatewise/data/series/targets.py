"""Several targets of a table, each of which is a series of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from gatewise.data.series.time_source import unused_name
from gatewise.data.tables.columns import Columns, FoundColumns
from gatewise.data.tables.joined_id import find_columns, has_several
from gatewise.data.tables.names import name_some
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

TARGET, VALUE = "target", "value"  # the columns that are made: the names of the targets, and their values


def resolve_targets(table: Table, columns: Columns) -> Columns:
    """Resolves a target of several columns with commas to a column that `with_targets` makes.

    A column of that name comes first.

    Raises: `GatewiseError` as `find_columns`, or if a table of several targets is wide.
    """
    given = columns.target
    if given is None or given in table.columns or columns.target_source is not None or not has_several(given):
        return columns
    source = find_columns(table, given, "target")
    if len(source) == 1:
        return replace(columns, target=source[0])
    if columns.wide is not None:
        raise GatewiseError(f"{table.path}: --target {given} and --wide exclude each other; give one of them")
    return replace(columns, target=unused_name(table.columns, VALUE), target_source=source)


def identified_by_target(table: Table, columns: FoundColumns) -> FoundColumns:
    """The columns with the name of the target as the last column of the id, and as a static category."""
    if columns.target_source is None:
        return columns
    name = unused_name(table.columns, TARGET)
    ids = columns.id_source or ((columns.id,) if columns.id else ())
    return replace(
        columns,
        id=",".join([*ids, name]),
        id_source=(*ids, name),
        static=(name, *columns.static),
        categorical=(*columns.categorical, name),
    )


def describe_targets(columns: FoundColumns) -> list[str]:
    """A note on several targets."""
    if columns.target_source is None:
        return []
    names = name_some(columns.target_source)
    return [f"each of {len(columns.target_source)} targets is a series, with its name as a category: {names}"]


def with_targets(table: Table, columns: FoundColumns) -> Table:
    """The table with the rows of each target and the column of their values, if there are several targets.

    Raises: `GatewiseError` with the place of a cell that is not a number.
    """
    if columns.target_source is None:
        return table
    values = np.concatenate([table.numbers(name, "target") for name in columns.target_source])
    repeated = repeated_by_target(table, columns)
    return replace(repeated, frame=repeated.frame.with_columns(pl.Series(columns.target, values)))


def repeated_by_target(table: Table, columns: FoundColumns) -> Table:
    """The rows of a table once for each target, with its name in a column; as they are for one target."""
    if columns.target_source is None:
        return table
    return repeated_by(table, columns.id_names[-1], columns.target_source)


def repeated_by(table: Table, column: str, names: Sequence[str]) -> Table:
    """The rows of a table once for each of some names, which are in a new column."""
    rows = table.frame.height
    numbers, cells = np.tile(np.arange(rows), len(names)), pl.Series(column, np.repeat(names, rows))
    frame = table.frame[numbers].with_columns(cells)
    return replace(table, frame=frame, lines=table.row_lines[numbers], cells=cells)


def by_target(
    frame: pl.DataFrame, columns: FoundColumns, ticks: np.ndarray, keys: Sequence[str] = ()
) -> pl.DataFrame:
    """Predictions of several targets with columns for each: `sales`, `sales_q0.1`; of one target as they are.

    A cell is null where a target has no prediction for a time.

    ticks: [rows], the times as numbers, since they may be texts in the table
    keys: the columns that identify a row beside those of the id and the time
    """
    if columns.target_source is None:
        return frame
    *ids, target = columns.id_names
    index = [*ids, columns.time, *keys]
    values = [name for name in frame.columns if name not in (*index, target)]
    names = frame.select(ids).rows() or [()] * frame.height
    places = {one: place for place, one in enumerate(dict.fromkeys(names))}
    series = np.array([places[one] for one in names])
    frame = frame[np.lexsort((ticks, *(frame[key].to_numpy() for key in keys), series))]
    joined = frame.select(index).unique(maintain_order=True)
    for name in columns.target_source:
        renamed = {one: name if one == columns.target else f"{name}_{one}" for one in values}
        own = frame.filter(pl.col(target) == name).drop(target).rename(renamed)
        joined = joined.join(own, on=index, how="left", maintain_order="left")
    return joined
