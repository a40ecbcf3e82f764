"""Ids of series that are in several columns."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from gatewise.data.tables.columns import ID_SEPARATOR, Columns, FoundColumns
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError


def resolve_id(table: Table, columns: Columns) -> Columns:
    """Resolves an id of several columns with commas to a column that `with_ids` makes.

    A column of that name comes first.

    Raises: `GatewiseError` if the table lacks one of several columns.
    """
    given = columns.id
    if given is None or "," not in given or given in table.columns or columns.id_source is not None:
        return columns
    source = tuple(name.strip() for name in given.split(","))
    for name in source:
        table.column(name, "id")
    return replace(columns, id_source=source)


def with_ids(table: Table, columns: FoundColumns) -> Table:
    """The table with the column of ids if it has to be made.

    Raises: `GatewiseError` if it lacks a column of the source, or a cell can't be joined.
    """
    if columns.id_source is None:
        return table
    texts = [table.filled_texts(name, "id") for name in columns.id_source]
    for name, cells in zip(columns.id_source, texts, strict=True):
        separated = cells.str.contains(ID_SEPARATOR, literal=True)
        if separated.any():
            row = int(separated.arg_max() or 0)
            raise GatewiseError(
                f"{table.path}, {table.place(row)}, column {name!r}: {cells[row]!r} contains "
                f"{ID_SEPARATOR!r}, which separates the columns of an id; write it in another way"
            )
    joined = pl.select(pl.concat_str(texts, separator=ID_SEPARATOR).alias(str(columns.id))).to_series()
    return replace(table, frame=table.frame.with_columns(joined))
