"""The ids of sequences in observations, in the form that they have in the tables of a training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from gatewise.data.tables.joined_id import ID_SEPARATOR
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError


def ids_of_table(frame: pl.DataFrame, names: Sequence[str], source: str = "the table") -> list[str]:
    """The id of each row: the texts of some columns, joined. Raises: `GatewiseError` if one is missing.

    >>> ids_of_table(pl.DataFrame({"shop": [1.0, 2.0], "open": [True, False]}), ("shop", "open"))
    ['1 / true', '2 / false']
    """
    table = Table(source, frame, 1)
    cells = [table.filled_texts(name, "id").to_list() for name in names]
    return [ID_SEPARATOR.join(row) for row in zip(*cells, strict=True)]


def id_of_record(record: Mapping[str, Any], names: Sequence[str]) -> str:
    """As `ids_of_table`, of one observation."""
    if len(names) == 1 and type(record[names[0]]) is str and record[names[0]].strip():
        return str(record[names[0]].strip())
    try:
        frame = pl.DataFrame({name: [record[name]] for name in names})
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise GatewiseError(f"expected {' and '.join(map(repr, names))} as an id") from error
    return ids_of_table(frame, names, "the observation")[0]
