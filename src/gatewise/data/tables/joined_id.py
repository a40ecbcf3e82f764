"""Ids of series and sequences that are in several columns, joined to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from gatewise.data.tables.names import split_names
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

ID_SEPARATOR = " / "  # between the columns of an id


def find_id_source(table: Table, id: str | None) -> tuple[str, ...] | None:
    """The columns of an id of several columns with commas; None if it is one column, which comes first.

    Raises: `GatewiseError` as `find_columns`.

    >>> table = Table("x.csv", pl.DataFrame({"person": ["a", "a"], "trial": [1, 2]}), 2)
    >>> find_id_source(table, "person,trial"), find_id_source(table, "trial")
    (('person', 'trial'), None)
    """
    if id is None or id in table.columns or not has_several(id):
        return None
    return find_columns(table, id, "id")


def has_several(given: str) -> bool:
    """Whether a text may name several columns, or has one name in quotation marks."""
    return "," in given or given.startswith('"')


def find_columns(table: Table, given: str, role: str) -> tuple[str, ...]:
    """The columns that a text with commas names.

    Raises: `GatewiseError` if the table lacks one, or if one is named twice.
    """
    names = split_names(given)
    for place, name in enumerate(names):
        table.column(name, role)
        if name in names[:place]:
            raise GatewiseError(
                f"{table.path}: --{role} {given} names the column {name!r} twice; name it once"
            )
    return names


def with_joined_id(table: Table, id: str | None, source: tuple[str, ...] | None) -> Table:
    """The table with a column `id` of the joined cells of its source; as it is if there is no source.

    Raises: `GatewiseError` if it lacks a column of the source, or a cell can't be joined.

    >>> table = Table("x.csv", pl.DataFrame({"person": ["a", "a"], "trial": [1, 2]}), 2)
    >>> with_joined_id(table, "person,trial", ("person", "trial")).frame["person,trial"].to_list()
    ['a / 1', 'a / 2']
    """
    if source is None:
        return table
    texts = [table.filled_texts(name, "id") for name in source]
    for name, cells in zip(source, texts, strict=True):
        separated = cells.str.contains(ID_SEPARATOR, literal=True)
        if separated.any():
            row = int(separated.arg_max() or 0)
            raise GatewiseError(
                f"{table.path}, {table.place(row)}, column {name!r}: {cells[row]!r} contains "
                f"{ID_SEPARATOR!r}, which separates the columns of an id; write it in another way"
            )
    joined = pl.select(pl.concat_str(texts, separator=ID_SEPARATOR).alias(str(id))).to_series()
    return replace(table, frame=table.frame.with_columns(joined))


def describe_id(id: str | None, source: tuple[str, ...] | None) -> str:
    """The column of ids, or those of their source, in a phrase.

    >>> describe_id("person,trial", ("person", "trial")), describe_id("person", None)
    ("columns 'person' and 'trial'", "column 'person'")
    """
    return f"column {id!r}" if source is None else f"columns {' and '.join(map(repr, source))}"


def id_columns(ids: Sequence[str], name: str, source: tuple[str, ...] | None) -> dict[str, list[str]]:
    """The columns of ids by name: their source, if there is one, else one column `name`.

    >>> id_columns(["a / 1", "a / 2"], "person,trial", ("person", "trial"))
    {'person': ['a', 'a'], 'trial': ['1', '2']}
    """
    if source is None:
        return {name: list(ids)}
    cells = [one.split(ID_SEPARATOR) for one in ids]
    return {column: [one[place] for one in cells] for place, column in enumerate(source)}
