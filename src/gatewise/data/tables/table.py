"""A table from a file, with the line of the file that each row stands in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.opening import require_file
from gatewise.data.tables.delimited import Piece, csv_pieces
from gatewise.data.tables.numbers import Thousands, hint
from gatewise.data.tables.parquet import PARQUET, read_parquet
from gatewise.errors import GatewiseError

LARGEST = 1e30  # what float32 still squares
EMPTY = ("", "na", "nan", "null", "none", "n/a", "-")
BYTES_AT_ONCE = 1 << 22
PLAIN = (pl.String, pl.Boolean, pl.Null, pl.Categorical, pl.Enum, pl.Date, pl.Datetime, pl.Time)


@dataclass(frozen=True)
class Table:
    """The rows of a file as they stand there. `place` says where a row is, for messages.

    first_line: of the first row, 1 where rows are counted; lines: of every row, where some are left out
    separator: of a CSV's cells
    """

    path: str
    frame: pl.DataFrame
    first_line: int
    lines: np.ndarray | None = None
    separator: str | None = None

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def place(self, row: int) -> str:
        """Where the row stands: its line in a text file, its number in another."""
        return f"{self.unit} {self.row_lines[row]}"

    @property
    def row_lines(self) -> np.ndarray:
        """[rows], the line of each in a text file, its number in another."""
        return self.first_line + np.arange(self.frame.height) if self.lines is None else self.lines

    @property
    def unit(self) -> str:
        return "line" if self.first_line > 1 else "row"

    def column(self, name: str, role: str) -> pl.Series:
        """The column of that name.

        Errors: `GatewiseError` that lists the columns there are.
        """
        if name not in self.columns:
            raise GatewiseError(
                f"{self.path} has no column {name!r} for the {role}; it has {', '.join(self.columns)}"
            )
        return self.frame[name]

    def texts(self, name: str, role: str) -> pl.Series:
        """The column as text without spaces around it; an empty cell is null.

        Errors: `GatewiseError` where the column holds lists, bytes or the like.
        """
        given = self.column(name, role)
        if not (given.dtype.is_numeric() or given.dtype in PLAIN):
            raise GatewiseError(
                f"{self.path}, column {name!r}: expected text for the {role}, got {given.dtype}"
            )
        text = given.cast(pl.String).str.strip_chars()
        return text.set(text == "", None)

    def numbers(self, name: str, role: str, thousands: Thousands | None = None) -> np.ndarray:
        """The column as float64; an empty cell is NaN.

        thousands: of the rows before, where a column comes in pieces: `check` them at the end

        Errors: `GatewiseError` that names line and column of the first cell that is no number, or of one
        that may be thousands as well.
        """
        given = self.column(name, role)
        if not (given.dtype.is_numeric() or given.dtype in (pl.Boolean, pl.String, pl.Null)):
            raise GatewiseError(f"{self.path}, column {name!r}: expected numbers, got {given.dtype}")
        if given.dtype != pl.String:
            return self._checked(name, given.cast(pl.String), given.cast(pl.Float64, strict=False))
        text = given.str.strip_chars()
        text = text.set(text.str.to_lowercase().is_in(EMPTY), None)
        values = self._checked(name, text, text.cast(pl.Float64, strict=False))
        met = thousands or self.thousands()
        met.add(text, self.place)
        if thousands is None:
            met.check(self.path, name)
        return values

    def thousands(self) -> Thousands:
        """For a column of this table that comes in pieces. Points group digits where commas are decimal."""
        return Thousands(strict=self.separator in (";", "\t"))

    def _checked(self, name: str, text: pl.Series, values: pl.Series) -> np.ndarray:
        """Values as float64. text: the same, null where a cell is empty."""
        wrong = values.is_null() & text.is_not_null()
        wrong |= ((values.abs() > LARGEST) & values.is_not_nan()).fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise GatewiseError(
                f"{self.path}, {self.place(row)}, column {name!r}: expected a number, got "
                f"{text[row][:30]!r}{hint(text[row])}"
            )
        return values.to_numpy()


def read_table(path: str | Path) -> Table:
    """Reads a CSV or a Parquet file; the cells of a CSV stay text until a column is asked for.

    Errors: `GatewiseError` where there is no such file, it is no table, or it has no rows.
    """
    path = Path(path)
    require_file(path, "a CSV or a Parquet file")
    if path.suffix.lower() in PARQUET:
        table = Table(str(path), read_parquet(path), first_line=1)
    else:
        table = joined(path, csv_pieces(path, BYTES_AT_ONCE))
    if table.frame.height == 0:
        raise GatewiseError(f"{path} has no rows below its header")
    return table


def joined(path: Path, pieces: Iterable[Piece]) -> Table:
    """All pieces of a CSV as one table, without empty rows at its end."""
    frames, lines, separators = zip(*pieces, strict=True)
    frame = pl.concat(frames)
    there = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    last = there.arg_true().max() if there.any() else None
    rows = 0 if last is None else int(str(last)) + 1
    return Table(str(path), frame.head(rows), 2, np.concatenate(lines)[:rows], separators[0])
