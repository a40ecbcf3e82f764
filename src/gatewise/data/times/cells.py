"""Checks of the cells of a column of times."""

from __future__ import annotations

import numpy as np
import polars as pl

from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError


def check_cells(
    table: Table, name: str, valid: pl.Series, message: str, cells: pl.Series | None = None, remedy: str = ""
) -> None:
    """Raises: `GatewiseError` with place, cell and remedy for the first row that is not valid."""
    if valid.all(ignore_nulls=False):
        return
    row = int(np.argmin(valid.fill_null(False).to_numpy()))
    cell = "" if cells is None else f", got {str(cells[row])[:40]!r}"
    raise GatewiseError(f"{table.path}, {table.place(row)}, column {name!r}: {message}{cell}{remedy}")
