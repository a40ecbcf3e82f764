"""A table from a file, with the line of the file that each row stands in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.errors import GatewiseError

RENAMED = "_duplicated_"  # what polars adds to a header that it met before
EMPTY = ("", "na", "nan", "null", "none", "n/a", "-")


@dataclass(frozen=True)
class Table:
    """The rows of a file as they stand there. `place` says where a row is, for messages."""

    path: str
    frame: pl.DataFrame
    first_line: int

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def place(self, row: int) -> str:
        """Where the row stands: its line in a text file, its number in another."""
        return f"{'line' if self.first_line > 1 else 'row'} {row + self.first_line}"

    def column(self, name: str, role: str) -> pl.Series:
        """The column of that name.

        Errors: `GatewiseError` that lists the columns there are.
        """
        if name not in self.columns:
            raise GatewiseError(
                f"{self.path} has no column {name!r} for the {role}; it has {', '.join(self.columns)}"
            )
        return self.frame[name]

    def numbers(self, name: str, role: str) -> np.ndarray:
        """The column as float64; an empty cell is NaN.

        Errors: `GatewiseError` that names line and column of the first cell that is no number.
        """
        given = self.column(name, role)
        if given.dtype.is_numeric() or given.dtype == pl.Boolean:
            return given.cast(pl.Float64).to_numpy()
        text = given.cast(pl.String).str.strip_chars()
        values = text.cast(pl.Float64, strict=False)
        empty = text.is_null() | text.str.to_lowercase().is_in(EMPTY)
        wrong = (values.is_null() & ~empty) | values.is_infinite().fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise GatewiseError(
                f"{self.path}, {self.place(row)}, column {name!r}: expected a number, got {text[row]!r}"
            )
        return values.to_numpy()


def read_table(path: str | Path) -> Table:
    """Reads a CSV or a Parquet file; the cells of a CSV stay text until a column is asked for.

    Errors: `GatewiseError` where there is no such file, it is no table, or it has no rows.
    """
    path = Path(path)
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}; give a CSV or a Parquet file")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            table = Table(str(path), pl.read_parquet(path), first_line=1)
        else:
            frame = pl.read_csv(path, infer_schema=False, separator=_separator(path))
            table = Table(str(path), frame, first_line=2)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise GatewiseError(f"{path} can't be read as a table: {reason}") from error
    twice = [name.split(RENAMED)[0] for name in table.columns if RENAMED in name]
    if twice:
        raise GatewiseError(f"{path} has two columns called {twice[0]!r}; rename one")
    if table.frame.height == 0:
        raise GatewiseError(f"{path} has no rows below its header")
    return table


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8", errors="strict") as file:
        header = file.readline()
    return max(",;\t", key=header.count)
