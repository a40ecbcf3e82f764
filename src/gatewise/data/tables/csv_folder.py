"""Folders of CSV files as one table, with the names of folders such as `store=2` as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.tables.comments import Comments
from gatewise.data.tables.decoding import inner_suffix
from gatewise.data.tables.delimited import Piece, file_pieces
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.parquet_folder import by_number, find_parquet_files, partition_of
from gatewise.data.tables.parquet_folder import place_in_folder as place_in_parquet_folder
from gatewise.errors import GatewiseError

ENDINGS = (".csv", ".tsv")  # may be compressed


def find_csv_files(path: Path) -> list[Path]:
    """The CSV files in a folder, and in the folders in it that are named like `store=2`.

    `part-2` is before `part-10`. There are none if the path is a file. Files and folders whose names begin
    with `_` or `.` are those of other programs, and left out.
    """
    if not path.is_dir():
        return []
    found = [one for one in _entries(path) if one.is_file() and inner_suffix(one) in ENDINGS]
    return sorted(found, key=lambda one: by_number(str(one.relative_to(path))))


def _entries(path: Path) -> Iterator[Path]:
    """The files and folders in a folder, and those in its folders that are named like `store=2`."""
    for one in path.iterdir():
        if one.name.startswith(("_", ".")):
            continue
        if one.is_dir() and "=" in one.name:
            yield from _entries(one)
        else:
            yield one


def csv_pieces(path: Path, size: int, quoted: bool = True, dialect: Dialect | None = None) -> Iterator[Piece]:
    """Yields the rows of a CSV, see `file_pieces`, or of all in a folder, whose rows are counted from 1.

    Raises: `GatewiseError` with the line of the first row that can't be read, or the name of a file whose
        columns or separator are not those of the first.
    """
    files = find_csv_files(path)
    if not files:
        yield from file_pieces(path, size, quoted, dialect)
        return
    first, row, comments = None, 1, Comments()
    for file in files:
        pieces, partition = file_pieces(file, size, quoted, dialect), partition_of(path, file)
        form = _with_partition(file, next(pieces), partition)
        if first is None:
            first = form._replace(notes=_describe(path, files, form), comments=comments)
            yield first
        own, expected = form.frame.columns, first.frame.columns
        if sorted(own) != sorted(expected) or form.separator != first.separator:
            raise GatewiseError(
                f"{file} does not have the columns of {files[0]}: {', '.join(own)}, separated by "
                f"{form.separator!r}, and {', '.join(expected)}, separated by {first.separator!r}; give "
                "files of one table, in folders of one depth"
            )
        name = str(file.relative_to(path))
        for piece in pieces:
            frame = _with_partition(file, piece, partition).frame.select(expected)
            yield first._replace(frame=frame, lines=np.arange(row, row + frame.height), file=name)
            row += frame.height
        if form.comments is not None:
            comments.add(form.comments.lines, name)


def _with_partition(file: Path, piece: Piece, partition: Mapping[str, str | None]) -> Piece:
    """A piece of a file with the columns that the names of its folders make.

    Raises: `GatewiseError` if a column of the file has another value than the name of its folder.
    """
    made = []
    for name, value in partition.items():
        if name not in piece.frame.columns:
            made.append(pl.lit(value, pl.String).alias(name))
            continue
        cells = piece.frame[name]
        differ = cells.ne_missing(value) & ~_are_equal_numbers(cells, value)
        if differ.any():
            row = int(differ.arg_max() or 0)
            raise GatewiseError(
                f"{file}, line {piece.lines[row]}: column {name!r} has {cells[row]!r}, and the name of its "
                f"folder has {value!r}; rename the folder, or remove the column from the file"
            )
    return piece._replace(frame=piece.frame.with_columns(made)) if made else piece


def _are_equal_numbers(cells: pl.Series, value: str | None) -> pl.Series:
    """Whether each cell is the whole number of a text, such as 1 and 01."""
    number = pl.Series([value], dtype=pl.String).cast(pl.Int64, strict=False)[0]
    return (cells.str.strip_chars().cast(pl.Int64, strict=False) == number).fill_null(value=False)


def place_in_folder(path: Path, row: int, has_header: bool) -> str:
    """A row of the table of a folder, from 1, as a row or a line of its file, for messages.

    has_header: whether the files have the names of the columns
    """
    if find_parquet_files(path):
        return place_in_parquet_folder(path, row)
    left = row
    try:
        for file in find_csv_files(path):
            for piece in file_pieces(file, 1 << 22, dialect=Dialect(has_header)):
                if left <= piece.frame.height:
                    return f"line {piece.lines[left - 1]} of {file.relative_to(path)}"
                left -= piece.frame.height
    except GatewiseError:  # without the encoding that the user gave
        pass
    return f"row {row}"


def _describe(path: Path, files: list[Path], form: Piece) -> tuple[str, ...]:
    """A note on the files of a folder that are read as one table, and on the others. form: of the first"""
    others = sum(1 for _ in _entries(path)) - len(files)
    count = f"{len(files):,} CSV file{'s' * (len(files) > 1)} of the folder"
    made = [name for name in partition_of(path, files[0]) if name in form.frame.columns]
    columns = "".join(f", column {name!r} from the names of folders" for name in made)
    unused = f"; other files and folders, which are not read: {others:,}" if others else ""
    return (f"{count} {'are' if len(files) > 1 else 'is'} read as one table{columns}{unused}",)
