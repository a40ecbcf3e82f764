"""A table from a file, with the line of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.tables.comments import Comments
from gatewise.data.tables.csv_folder import csv_pieces, place_in_folder
from gatewise.data.tables.delimited import Piece
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.header import describe_header
from gatewise.data.tables.missing import is_marked
from gatewise.data.tables.numbers import LARGEST_EXACT, SEPARATED, Marks, advice, describe_marks
from gatewise.data.tables.typed import (
    EXCEL,
    describe_typed,
    has_names,
    is_typed,
    quiet,
    read_typed,
    require_table,
    typed_frames,
    without_empty_end,
)
from gatewise.errors import GatewiseError

LARGEST = 1e30  # magnitude of a value, well within float32
EMPTY = ("", "na", "n.a.", "n/a", "#n/a", "nan", "null", "none", "-", "?", ".", "..")  # in lower case
BYTES_AT_ONCE = 1 << 22
SAMPLE = 10_000  # rows by which a column is recognized
NUMBER_LIKE = r"^[-+]?[$€£¥]?\s?[-+]?\d[\d.,'\u00a0\u202f ]*\s?[%$€£¥]?$"  # with separators or a unit
SHOWN_ROWS, SHOWN_CELLS, SHOWN_CHARACTERS = 3, 6, 20  # of an excerpt
PLAIN = (pl.String, pl.Boolean, pl.Null, pl.Categorical, pl.Enum, pl.Date, pl.Datetime, pl.Time)


@dataclass(frozen=True)
class Table:
    """The rows of a file, unchanged.

    first_line: of the first row; 1 if rows are counted instead of lines
    lines: [rows], of every row if some lines of the file are left out; separator: of a CSV's cells
    missing: further markers of empty cells in columns of numbers
    has_header: whether the file has the names of the columns
    file: the name of the file that all rows are of, if it is known in a folder
    """

    path: str
    frame: pl.DataFrame
    first_line: int
    lines: np.ndarray | None = None
    separator: str | None = None
    missing: tuple[str, ...] = ()
    has_header: bool = True
    cells: pl.Series | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    comments: Comments | None = None
    file: str = ""

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def describe_form(self, dialect: Dialect) -> tuple[str, ...]:
        """Notes on how the file was read, and on its header. dialect: as given"""
        is_text = self.separator is not None or Path(self.path).suffix.lower() in EXCEL
        return self.file_notes + describe_header(self.columns, dialect, self.has_header, is_text)

    @property
    def file_notes(self) -> tuple[str, ...]:
        """Notes on how the file was read, and on the lines that are left out."""
        return self.notes + (() if self.comments is None else self.comments.describe())

    def place(self, row: int) -> str:
        """The place of a row for messages: its line in a text file, its number in any other.

        In a folder, it is that of the row in its file.
        """
        cell = ""
        if self.cells is not None:
            kind = "value" if self.cells.dtype.is_integer() else "column"
            cell = f" ({kind} {self.cells[row]!r})"
        number = int(self.row_lines[row])
        if self.unit == "row" and Path(self.path).is_dir():
            return f"{place_in_folder(Path(self.path), number, self.has_header)}{cell}"
        return f"{self.unit} {number}{cell}"

    @property
    def row_lines(self) -> np.ndarray:
        """[rows], the line of each in a text file, its number in any other."""
        return self.first_line + np.arange(self.frame.height) if self.lines is None else self.lines

    @property
    def unit(self) -> str:
        return "line" if self.first_line > 1 else "row"

    def column(self, name: str, role: str) -> pl.Series:
        """The column of that name. Raises: `GatewiseError` with all columns if there is none."""
        if name not in self.columns:
            raise GatewiseError(
                f"{self.path} has no column {name!r} for the {role}; it has {', '.join(self.columns)}"
            )
        return self.frame[name]

    def excerpt(self) -> str:
        """The first rows as a phrase for messages, their cells and their number of cells shortened."""
        rows = []
        for row in self.frame.head(SHOWN_ROWS)[:, :SHOWN_CELLS].iter_rows():
            texts = ["" if cell is None else str(cell) for cell in row]
            cells = [text[:SHOWN_CHARACTERS] + "..." * (len(text) > SHOWN_CHARACTERS) for text in texts]
            rows.append(", ".join(cells) + ", ..." * (self.frame.width > SHOWN_CELLS))
        return f"its first rows are {' | '.join(rows)}"

    def texts(self, name: str, role: str) -> pl.Series:
        """A column as text without surrounding spaces; an empty cell is null.

        An id of whole numbers is without decimals: pandas writes 3.0 for 3 where a cell was empty.

        Raises: `GatewiseError` if the column contains lists, bytes or the like, or a time out of range.
        """
        given = self.column(name, role)
        if not (given.dtype.is_numeric() or given.dtype in PLAIN):
            raise GatewiseError(
                f"{self.path}, column {name!r}: expected text for the {role}, got {given.dtype}"
            )
        if role == "id" and given.dtype.is_float() and _are_whole(given):
            given = given.fill_nan(None).cast(pl.Int64)
        try:
            with quiet() if given.dtype.is_temporal() else nullcontext():
                text = given.cast(pl.String).str.strip_chars()
        except pl.exceptions.PanicException as error:  # of a damaged file
            raise GatewiseError(f"{self.path}, column {name!r}: a time is out of range") from error
        return text.set(text == "", None)

    def filled_texts(self, name: str, role: str) -> pl.Series:
        """A column as text, as by `texts`, without an empty cell.

        Raises: `GatewiseError` with the line of an empty cell.
        """
        values = self.texts(name, role)
        if values.null_count():
            place = self.place(int(values.is_null().arg_max() or 0))
            raise GatewiseError(f"{self.path}, {place}, column {name!r} is empty: give the {role}")
        return values

    def numbers(self, name: str, role: str, marks: Marks | None = None) -> np.ndarray:
        """A column as float64; an empty cell is NaN.

        marks: of the earlier pieces of the column, to be checked at its end

        Raises: `GatewiseError` with line and column of the first cell that is not a number, or of one whose
        point or comma may be a thousands separator.
        """
        given = self.column(name, role)
        if not (given.dtype.is_numeric() or given.dtype in (pl.Boolean, pl.String, pl.Null)):
            raise GatewiseError(f"{self.path}, column {name!r}: expected numbers, got {given.dtype}")
        text = self.without_empty(given)
        if given.dtype != pl.String:
            return self._checked(name, text.cast(pl.String), text.cast(pl.Float64, strict=False))
        seen = marks or Marks(self.separator)
        values = self._checked(name, text, seen.parsed(text, self.place))
        if marks is None:
            seen.check(self.path, name)
        return values

    def has_texts(self, name: str) -> bool:
        """Whether at least half of the cells of a column that are not empty are no numbers.

        Cells such as `1.234.567`, `$12` and `5 %` count as numbers: `numbers` refuses them with their place.
        """
        return name in self._text_columns

    @cached_property
    def _text_columns(self) -> frozenset[str]:
        """The columns that have texts, found in one pass: there may be thousands of columns.

        Of a long table, some ten thousand rows at equal distances are read.
        """
        kinds = self.frame.schema.items()
        found = {name for name, kind in kinds if not (kind.is_numeric() or kind in (pl.String, pl.Null))}
        cells = pl.col(pl.String).str.strip_chars()
        empty = [*EMPTY, *(marker.lower() for marker in self.missing)]
        filled = ~cells.str.to_lowercase().is_in(empty)
        number = cells.cast(pl.Float64, strict=False).is_not_null() | cells.str.contains(NUMBER_LIKE)
        rows = self.frame.gather_every(self.frame.height // SAMPLE + 1)
        wrong, counts = (rows.select(one.sum()) for one in (filled & ~number, filled))
        found |= {one.name for one, all_ in zip(wrong, counts, strict=True) if 2 * one[0] >= all_[0] > 0}
        return frozenset(found)

    def count_empty(self, name: str) -> int:
        """The number of cells of a column that are empty if it is one of numbers."""
        return self.without_empty(self.frame[name]).null_count()

    def count_missing(self, name: str) -> int:
        """The number of cells of a column that have one of the further markers of empty cells."""
        return int(is_marked(self.frame[name], self.missing).sum()) if self.missing else 0

    def describe_numbers(self, names: Sequence[str]) -> tuple[str, ...]:
        """Notes on decimal commas and thousands separators of columns of numbers, and on unclear points."""
        columns = {}
        for name in names:
            given, marks = self.frame[name], Marks(self.separator)
            if given.dtype == pl.String and (marks.commas is not None or given.str.contains(SEPARATED).any()):
                marks.parsed(self.without_empty(given), self.place)
                columns[name] = marks
        return describe_marks(columns)

    def without_empty(self, column: pl.Series) -> pl.Series:
        """A column, its texts without surrounding spaces, with null for cells that hold no number."""
        if self.missing:
            column = column.set(is_marked(column, self.missing), None)
        if column.dtype != pl.String:
            return column
        text = column.str.strip_chars()
        return text.set(text.str.to_lowercase().is_in(EMPTY), None)

    def _checked(self, name: str, text: pl.Series, values: pl.Series) -> np.ndarray:
        """The values as an array. Raises: `GatewiseError` for the first cell that is not a number.

        text: the cells, null where one is empty
        """
        wrong = values.is_null() & text.is_not_null()
        wrong |= ((values.abs() > LARGEST) & values.is_not_nan()).fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise GatewiseError(
                f"{self.path}, {self.place(row)}, column {name!r}: expected a number, got "
                f"{text[row][:30]!r}{advice(text[row])}"
            )
        return values.to_numpy()


def read_table(path: str | Path, dialect: Dialect | None = None) -> Table:
    """Reads a CSV, or a file with typed columns; the cells of a CSV are parsed column by column on request.

    dialect: of the table; None if the user can't give one

    Raises: `GatewiseError` if there is no such file, it is not a table, or it has no rows.
    """
    path = Path(path)
    require_table(path)
    if is_typed(path):
        frame = read_typed(path, dialect)
        has_header, notes = has_names(path, dialect), describe_typed(path)
        table = Table(str(path), frame, first_line=1, has_header=has_header, notes=notes)
    else:
        table = join_pieces(path, csv_pieces(path, BYTES_AT_ONCE, dialect=dialect))
    if table.frame.height == 0:
        raise GatewiseError(f"{path} has no rows below its header; give a table with rows")
    return table if dialect is None else replace(table, missing=dialect.missing)


def column_names(path: Path, dialect: Dialect | None = None) -> list[str]:
    """The names of the columns of a table, of which only the beginning is read.

    Raises: `GatewiseError` as `read_table`.
    """
    require_table(path)
    if is_typed(path):
        return next(typed_frames(path, lambda columns: 1, dialect)).columns
    return next(csv_pieces(path, BYTES_AT_ONCE, dialect=dialect)).frame.columns


def join_pieces(path: Path, pieces: Iterable[Piece]) -> Table:
    """Joins the pieces of a CSV to one table, without empty rows at its end."""
    all_pieces = list(pieces)
    form, frame = all_pieces[0], without_empty_end(pl.concat([piece.frame for piece in all_pieces]))
    return Table(
        str(path),
        frame,
        first_line=1 if path.is_dir() else 2,
        lines=np.concatenate([piece.lines for piece in all_pieces])[: frame.height],
        separator=form.separator,
        has_header=form.has_header,
        notes=form.notes,
        comments=form.comments,
    )


def _are_whole(numbers: pl.Series) -> bool:
    """Whether all numbers that are not NaN are whole, and small enough to be exact."""
    known = numbers.fill_nan(None).drop_nulls()
    return bool(((known == known.round()) & (known.abs() < LARGEST_EXACT)).all())
