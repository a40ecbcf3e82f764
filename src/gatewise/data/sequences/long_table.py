"""Sequences from a long table: a row for each step, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from gatewise.data.sequences.gather import KEYS, gathered, put_in_time, same_time
from gatewise.data.sequences.long_columns import LongColumns, recognise_long
from gatewise.data.sequences.missing import Fill, carry_forward
from gatewise.data.sequences.sequences import SequenceTable, in_order
from gatewise.data.sequences.spool import Spool, at_once, pieces
from gatewise.data.tables.table import Table, check_header, separator
from gatewise.errors import GatewiseError

__all__ = ["Fill", "LongColumns", "read_long"]
PARQUET = (".parquet", ".pq")
BYTES_AT_ONCE = 1 << 20
DATES = (
    "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%.f%z",
)  # fmt: skip


def read_long(
    path: Path, given: LongColumns, labelled: bool = True, fill: Fill | None = None
) -> tuple[SequenceTable, LongColumns]:
    """The sequences of a CSV or Parquet file, and the columns that were found.

    The file may be larger than memory: what is kept of each row goes to disk piece by piece. Rows of a
    sequence need not be together, nor in the order of time.

    labelled: whether there must be a column of labels; fill: how to fill empty cells

    Errors: `GatewiseError` with the line of a cell that is no number, or of a time that comes twice.
    """
    rows: _Rows | None = None
    for piece in _pieces(path):
        rows = rows or _Rows(*recognise_long(piece, given, labelled), given, fill)
        rows.add(piece)
    if rows is None:
        raise GatewiseError(f"{path} has no rows below its header")
    return rows.table(path), rows.columns


@dataclass(frozen=True)
class _Piece(Table):
    """Some rows of a file; lines: where each stands."""

    lines: np.ndarray

    @property
    def unit(self) -> str:
        return "line" if self.first_line > 1 else "row"

    def place(self, row: int) -> str:
        return f"{self.unit} {self.lines[row]}"


class _Rows:
    """All rows met so far, on disk."""

    def __init__(
        self, columns: LongColumns, unused: tuple[str, ...], given: LongColumns, fill: Fill | None
    ) -> None:
        self.columns, self.unused, self.fill = columns, unused, fill
        self.hint = "" if given.channels else "; if it is no channel, name those that are with --channels"
        self.ids, self.classes = _Numbered(), _Numbered()
        self.values, self.keys = Spool(len(columns.channels)), Spool(1, KEYS)
        self.dated: bool | None = None
        self.filled = 0
        self.unit = ""

    def add(self, piece: _Piece) -> None:
        """Errors: `GatewiseError` with the line of a cell that can't be read."""
        columns, self.unit = self.columns, piece.unit
        keys = np.zeros((len(piece.lines), 1), KEYS)
        keys["sequence"][:, 0] = self.ids.numbers(_text(piece, str(columns.id), "id"))
        keys["line"][:, 0] = piece.lines
        if columns.part is not None:
            keys["label"][:, 0] = self.classes.numbers(_text(piece, columns.part, "part"))
        elif columns.label is not None:
            keys["label"][:, 0] = self.classes.numbers(_text(piece, columns.label, "label"))
        if columns.time is not None:
            keys["time"][:, 0], self.dated = _times(piece, columns.time, self.dated)
        self.keys.add(keys)
        self.values.add(np.stack([self._channel(piece, name) for name in columns.channels], axis=1))

    def _channel(self, piece: _Piece, name: str) -> np.ndarray:
        try:
            numbers = piece.numbers(name, "channel")
        except GatewiseError as error:
            raise GatewiseError(f"{error}{self.hint}") from error
        empty = np.isnan(numbers)
        if empty.any() and self.fill is None:
            raise GatewiseError(
                f"{piece.path}, {piece.place(int(empty.argmax()))}, column {name!r} is empty: give a number, "
                "or --fill forward"
            )
        self.filled += int(empty.sum())
        return numbers

    def table(self, path: Path) -> SequenceTable:
        """The rows in order. Errors: `GatewiseError` with the two lines that give a time twice."""
        columns = self.columns
        values, keys, offsets = gathered(self.values.values(), self.keys.values()[:, 0], len(self.ids.seen))
        names, numbers = in_order(tuple(self.classes.seen))
        for part in pieces(len(keys) if names else 0):
            keys["label"][part] = numbers[keys["label"][part]]
        if columns.time is not None:
            put_in_time(values, keys, offsets)
        table = SequenceTable(
            str(path), values, offsets, tuple(self.ids.seen), columns.channels,
            keys["label"] if names else None, names, keys["line"], (columns.told(self.unused),), self.unit,
        )  # fmt: skip
        twice = same_time(keys, offsets) if columns.time is not None else None
        if twice is not None:
            raise GatewiseError(
                f"{path}: {table.place(twice - 1)} and {table.place(twice)} give the same {columns.time} for "
                f"sequence {table.ids[table.owner(twice)]!r}; --time COLUMN names another column"
            )
        if not self.filled:
            return table
        carry_forward(table)
        return replace(table, notes=(*table.notes, f"{self.filled:,} empty cells take the value before them"))


class _Numbered:
    """Numbers for names, in the order in which they are met."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def numbers(self, names: pl.Series) -> np.ndarray:
        unique = names.unique(maintain_order=True).to_list()
        own = [self.seen.setdefault(name, len(self.seen)) for name in unique]
        return names.replace_strict(unique, own, return_dtype=pl.Int32).to_numpy()


def _pieces(path: Path) -> Iterator[_Piece]:
    """The rows of a file piece by piece, without empty ones. Errors: `GatewiseError` where it is no table."""
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}; give a CSV or a Parquet file")
    first, frames = (1, _parquet(path)) if path.suffix.lower() in PARQUET else (2, _csv(path))
    try:
        for frame, lines in frames:
            names = [name.strip() for name in frame.columns]
            check_header(path, frame.columns, first)
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise GatewiseError(f"{path} has two columns called {twice!r}; rename one")
            frame.columns = names
            there = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
            if there.any():
                yield _Piece(str(path), frame.filter(there), first, lines[there.to_numpy()])
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = "it is not in UTF-8" if "utf" in str(error).lower() else str(error).strip().split("\n")[0]
        raise GatewiseError(f"{path} can't be read as a table: {reason}") from error


def _parquet(path: Path) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
    """Frames of a Parquet file, and the numbers of their rows from 1."""
    lazy = pl.scan_parquet(path, glob=False)
    size, row = at_once(len(lazy.collect_schema())), 0
    while (frame := lazy.slice(row, size).collect()).height:
        yield frame, np.arange(row, row + frame.height) + 1
        row += frame.height


def _csv(path: Path) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
    """Frames of a CSV, all cells as text, and the lines in which their rows begin."""
    between = separator(path)
    with path.open("rb") as file:
        header = _whole_rows(file, 1)
        if not header.strip():
            raise GatewiseError(f"{path} is empty; give a table with names of columns in its first line")
        line = 1 + header.count(b"\n")
        while text := _whole_rows(file, BYTES_AT_ONCE):
            frame = pl.read_csv(header + text, infer_schema=False, separator=between)
            lines = np.arange(line, line + frame.height)
            if text.count(b"\n") > frame.height:  # some are inside of cells
                inside = frame.select(pl.sum_horizontal(pl.all().str.count_matches("\n"))).to_series()
                lines[1:] += inside.fill_null(0).cum_sum().to_numpy()[:-1]
            yield frame, lines
            line += text.count(b"\n")


def _whole_rows(file: BinaryIO, size: int) -> bytes:
    """About so many bytes, up to the end of a line that is no line break inside quotes."""
    text = file.read(size) + file.readline()
    while text.count(b'"') % 2 and len(text) < 4 * BYTES_AT_ONCE and (more := file.readline()):
        text += more
    return text


def _text(piece: _Piece, name: str, role: str) -> pl.Series:
    values = piece.column(name, role).cast(pl.String).str.strip_chars()
    empty = values.is_null() | (values == "")
    if empty.any():
        place = piece.place(int(empty.arg_max() or 0))
        raise GatewiseError(f"{piece.path}, {place}, column {name!r} is empty: give the {role}")
    return values


def _times(piece: _Piece, name: str, dated: bool | None) -> tuple[np.ndarray, bool]:
    """Times as numbers, and whether they are dates; dated: whether those before were, if there were any."""
    given = piece.column(name, "time")
    if given.dtype.is_temporal():
        micro = given.cast(pl.Datetime("us")) if given.dtype in (pl.Date, pl.Datetime) else given
        values, dated = micro.to_physical().cast(pl.Float64), True
    elif given.dtype.is_numeric():
        values, dated = given.cast(pl.Float64), False
    else:
        text = _text(piece, name, "time")
        values = text.cast(pl.Float64, strict=False)
        if dated is None and values[0] is None:
            dated = _dates(text.head(1))[0] is not None
        values = _dates(text) if dated else values
    wrong = values.is_null() | ~values.is_finite()
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        kind = "date" if dated else "number"
        raise GatewiseError(
            f"{piece.path}, {piece.place(row)}, column {name!r}: expected a {kind} as time, "
            f"got {given[row]!r}; give all as numbers, or all as dates like 2024-01-31 or 2024-01-31T12:00"
        )
    return values.to_numpy(), bool(dated)


def _dates(text: pl.Series) -> pl.Series:
    """Dates as numbers, null where it is none."""
    text = text.str.replace(" ", "T", literal=True).str.replace("Z$", "")
    values = pl.Series([None] * len(text), dtype=pl.Float64)
    for form in DATES:
        if values.null_count():
            read = text.str.to_datetime(form, strict=False, time_unit="us")
            values = values.zip_with(values.is_not_null(), read.to_physical().cast(pl.Float64))
    return values
