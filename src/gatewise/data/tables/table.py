"""A table from a file, with the line of the file that each row stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.errors import GatewiseError

LARGEST = 1e30  # what float32 still squares
DECIMAL_COMMA = re.compile(r"-?[\d.]*,\d+")
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
        if not (given.dtype.is_numeric() or given.dtype in (pl.Boolean, pl.String, pl.Null)):
            raise GatewiseError(f"{self.path}, column {name!r}: expected numbers, got {given.dtype}")
        plain = given.cast(pl.Float64, strict=False)
        if not plain.null_count() and (plain.abs() <= LARGEST).all():
            return plain.to_numpy()
        text = given.cast(pl.String).str.strip_chars()
        values = (text if given.dtype == pl.String else given).cast(pl.Float64, strict=False)
        empty = text.is_null() | text.str.to_lowercase().is_in(EMPTY)
        wrong = (values.is_null() & ~empty) | ((values.abs() > LARGEST) & values.is_not_nan()).fill_null(
            False
        )
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            hint = " (write decimals with a point)" if DECIMAL_COMMA.fullmatch(text[row]) else ""
            raise GatewiseError(
                f"{self.path}, {self.place(row)}, column {name!r}: expected a number, got {text[row]!r}{hint}"
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
            frame = pl.read_csv(path, infer_schema=False, separator=separator(path))
            table = Table(str(path), _tidy(frame), first_line=2)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = "it is not in UTF-8" if "utf" in str(error).lower() else str(error).strip().split("\n")[0]
        raise GatewiseError(f"{path} can't be read as a table: {reason}") from error
    check_header(path, table.columns, table.first_line)
    if table.frame.height == 0:
        raise GatewiseError(f"{path} has no rows below its header")
    return table


def check_header(path: Path, columns: list[str], first_line: int) -> None:
    """Errors: `GatewiseError` where a name comes twice, or values stand where names should."""
    twice = [name.split(RENAMED)[0] for name in columns if RENAMED in name]
    if twice:
        raise GatewiseError(f"{path} has two columns called {twice[0]!r}; rename one")
    if first_line > 1 and all(_is_value(name) for name in columns):
        raise GatewiseError(f"{path} begins with values, not with names of columns; give it a header")


def _tidy(frame: pl.DataFrame) -> pl.DataFrame:
    """Names without spaces around them, and no empty rows at the end."""
    there = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    last = there.arg_true().max() if there.any() else None
    return frame.head(0 if last is None else int(str(last)) + 1).rename(str.strip)


def _is_value(name: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d[\d.:/ TZ+-]*", name.strip()))


def separator(path: Path) -> str:
    """What stands between the cells of a CSV, by its first line."""
    with path.open(encoding="utf-8", errors="strict") as file:
        header = file.readline()
    return max(",;\t", key=header.count)
