"""Sequences from a long table with a row for each step, read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.sequences.folder_ids import FolderIds
from gatewise.data.sequences.gather import KEYS, find_duplicate_time, group_rows, sort_by_time
from gatewise.data.sequences.long_columns import LongColumns, recognize_long
from gatewise.data.sequences.missing import Fill, MaskedFill, with_filled
from gatewise.data.sequences.number_columns import NumberColumns
from gatewise.data.sequences.sequence_columns import SequenceColumns
from gatewise.data.sequences.sequences import SequenceTable, sort_names
from gatewise.data.sequences.spool import Spool, row_blocks, rows_per_block
from gatewise.data.tables.csv_folder import csv_pieces
from gatewise.data.tables.delimited import Piece
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.joined_id import find_id_source, with_joined_id
from gatewise.data.tables.parquet_folder import first_rows
from gatewise.data.tables.table import Table
from gatewise.data.tables.typed import describe_typed, has_names, is_typed, require_table, typed_frames
from gatewise.data.times.formats import parse_iso_times
from gatewise.errors import GatewiseError

__all__ = ["Fill", "LongColumns", "Numbering", "read_long", "read_pieces"]
BYTES_AT_ONCE = 1 << 20


def read_long(
    path: Path,
    given: LongColumns,
    labelled: bool = True,
    fill: MaskedFill | None = None,
    numeric: bool = False,
) -> tuple[SequenceTable, LongColumns]:
    """Reads the sequences of a CSV or Parquet file, and finds its columns.

    The file may be larger than memory: its values are spooled to disk piece by piece. The rows of a sequence
    may be scattered and unsorted.

    labelled: whether a column of labels is needed, or one of targets if `numeric`
    fill: how to fill empty cells

    Raises: `GatewiseError` with the line of a cell that is not a number, or of a duplicate time.
    """
    rows: _Rows | None = None
    for piece in read_pieces(path, given.dialect):
        given, piece = with_ids(given, piece)
        rows = rows or _Rows(piece, given, labelled, fill, numeric)
        rows.add(piece)
    if rows is None:
        raise GatewiseError(f"{path} has no rows below its header; give a table with rows")
    return rows.table(path), rows.columns


def with_ids(given: LongColumns, piece: Table) -> tuple[LongColumns, Table]:
    """The columns and a piece of a table with a column of ids, if these are in several columns.

    Raises: `GatewiseError` if one is missing, or a cell can't be joined.
    """
    source = given.id_source or find_id_source(piece, given.id)
    return replace(given, id_source=source), with_joined_id(piece, given.id, source)


class _Rows:
    """The rows read so far, on disk."""

    def __init__(
        self, first: Table, given: LongColumns, labelled: bool, fill: MaskedFill | None, numeric: bool
    ) -> None:
        columns, self.unused = recognize_long(first, given, labelled, numeric)
        self.columns = replace(columns, dialect=given.dialect.resolved(first.has_header))
        self.fill = fill
        hint = "" if given.channels else "; if it is not a channel, name the channels with --channels"
        self.numbers = NumberColumns(columns.channels, "channel", hint)
        self.ids, self.classes, self.files = Numbering(), Numbering(), FolderIds()
        self.values, self.keys = Spool(len(columns.channels)), Spool(1, KEYS)
        self.repeated = SequenceColumns(columns)
        self.describe_form = partial(replace(first, frame=first.frame.clear()).describe_form, given.dialect)
        self.dated: bool | None = None
        self.has_header = first.has_header
        self.filled = 0
        self.unit = ""

    def add(self, piece: Table) -> None:
        """Adds the rows of a piece. Raises: `GatewiseError` with the line of a cell that can't be read."""
        columns, self.unit = self.columns, piece.unit
        keys = np.zeros((piece.frame.height, 1), KEYS)
        keys["sequence"][:, 0] = self.ids.numbers(piece.filled_texts(str(columns.id), "id"))
        if columns.time is None:  # else times tell the rows of files apart
            self.files.add(piece, tuple(self.ids.seen), keys["sequence"][:, 0])
        keys["line"][:, 0] = piece.row_lines
        self.repeated.add(piece, keys["sequence"][:, 0])
        if columns.split_column is not None:
            keys["label"][:, 0] = self.classes.numbers(
                piece.filled_texts(columns.split_column, "name of the set")
            )
        elif columns.label is not None:
            keys["label"][:, 0] = self.classes.numbers(piece.filled_texts(columns.label, "label"))
        if columns.time is not None:
            keys["time"][:, 0], self.dated = times_of_rows(piece, columns.time, self.dated)
        self.keys.add(keys)
        self.values.add(np.stack([self._channel(piece, name) for name in columns.channels], axis=1))

    def _channel(self, piece: Table, name: str) -> np.ndarray:
        numbers = self.numbers.numbers(piece, name)
        empty = np.isnan(numbers)
        if empty.any() and self.fill is None:
            raise GatewiseError(
                f"{piece.path}, {piece.place(int(empty.argmax()))}, column {name!r} is "
                f"empty{' or NaN' * (piece.unit == 'row')}: give a number, or --fill forward"
            )
        self.filled += int(empty.sum())
        return numbers

    def table(self, path: Path) -> SequenceTable:
        """The sorted rows. Raises: `GatewiseError` with the two lines of a duplicate time."""
        columns = self.columns
        self.numbers.check(path)
        self.files.check(str(path), tuple(self.ids.seen))
        values, keys, offsets = group_rows(self.values.values(), self.keys.values()[:, 0], len(self.ids.seen))
        names, numbers = sort_names(tuple(self.classes.seen))
        for block in row_blocks(len(keys) if names else 0):
            keys["label"][block] = numbers[keys["label"][block]]
        if columns.time is not None:
            sort_by_time(values, keys, offsets)
        table = SequenceTable(
            str(path),
            values,
            offsets,
            ids=tuple(self.ids.seen),
            channels=columns.channels,
            labels=keys["label"] if names else None,
            classes=names,
            lines=keys["line"],
            notes=(
                *self.describe_form(),
                columns.describe(self.unused),
                *self.numbers.notes(columns.dialect.missing),
            ),
            unit=self.unit,
            times=None if columns.time is None else keys["time"],
            dated=bool(self.dated),
            has_header=self.has_header,
            **self.repeated.fields(),
        )
        duplicate = find_duplicate_time(keys, offsets) if columns.time is not None else None
        if duplicate is not None:
            raise GatewiseError(
                f"{path}: {table.place(duplicate - 1)} and {table.place(duplicate)} have the same "
                f"{columns.time} in sequence {table.ids[table.owner(duplicate)]!r}; --time COLUMN names "
                "another column"
            )
        return with_filled(table, self.fill, self.filled, "empty cells")


class Numbering:
    """Numbers for names, in the order of their first occurrence."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def numbers(self, names: pl.Series) -> np.ndarray:
        unique = names.unique(maintain_order=True).to_list()
        own = [self.seen.setdefault(name, len(self.seen)) for name in unique]
        return names.replace_strict(unique, own, return_dtype=pl.Int32).to_numpy()


def read_pieces(path: Path, dialect: Dialect) -> Iterator[Table]:
    """Yields the rows of a file, without empty ones. Raises: `GatewiseError` if it is not a table."""
    require_table(path)
    first, pieces = (
        (1, _typed_pieces(path, dialect))
        if is_typed(path)
        else (1 if path.is_dir() else 2, csv_pieces(path, BYTES_AT_ONCE, dialect=dialect))
    )
    for piece in pieces:
        there = piece.frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        if there.any():
            yield Table(
                str(path),
                piece.frame.filter(there),
                first,
                piece.lines[there.to_numpy()],
                piece.separator,
                dialect.missing,
                piece.has_header,
                notes=piece.notes,
                comments=piece.comments,
                file=piece.file,
            )


def _typed_pieces(path: Path, dialect: Dialect) -> Iterator[Piece]:
    """Yields pieces of a file with typed columns, with the numbers of their rows from 1."""
    row, has_header, notes, files = 1, has_names(path, dialect), describe_typed(path), first_rows(path)
    for frame in typed_frames(path, rows_per_block, dialect):
        lines = np.arange(row, row + frame.height)
        file = next((name for first, name in reversed(files) if first <= row), "")
        yield Piece(frame, lines, has_header=has_header, notes=notes, file=file)
        row += frame.height


def times_of_rows(piece: Table, name: str, dated: bool | None) -> tuple[np.ndarray, bool]:
    """Times as numbers, in microseconds if they are dates, and whether they are.

    dated: whether those before were, None at first
    """
    given = piece.column(name, "time")
    if given.dtype.is_temporal():
        is_date = given.dtype in (pl.Date, pl.Datetime)
        micro = given.cast(pl.Datetime("us") if is_date else pl.Duration("us"))  # of clocks and durations
        values, dated = micro.to_physical().cast(pl.Float64), True
    elif given.dtype.is_numeric():
        values, dated = given.cast(pl.Float64), False
    else:
        text = piece.filled_texts(name, "time")
        values = text.cast(pl.Float64, strict=False)
        if dated is None and values[0] is None:
            dated = parse_iso_times(text.head(1))[0] is not None
        values = parse_iso_times(text).to_physical().cast(pl.Float64) if dated else values
    wrong = values.is_null() | ~values.is_finite()
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        kind = "date" if dated else "number"
        raise GatewiseError(
            f"{piece.path}, {piece.place(row)}, column {name!r}: expected a {kind} as time, got "
            f"{given[row]!r}; write all times as numbers, or all as dates like 2024-01-31 or 2024-01-31T12:00"
        )
    return values.to_numpy(), bool(dated)
