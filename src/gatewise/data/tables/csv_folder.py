"""Folders of CSV files as one table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gatewise.data.tables.comments import Comments
from gatewise.data.tables.decoding import inner_suffix
from gatewise.data.tables.delimited import Piece, file_pieces
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.parquet_folder import by_number, find_parquet_files
from gatewise.data.tables.parquet_folder import place_in_folder as place_in_parquet_folder
from gatewise.errors import GatewiseError

ENDINGS = (".csv", ".tsv")  # may be compressed


def find_csv_files(path: Path) -> list[Path]:
    """The CSV files in a folder, `part-2` before `part-10`; none if it is a file.

    Files whose names begin with `_` or `.` are those of other programs, and left out.
    """
    if not path.is_dir():
        return []
    found = [one for one in path.iterdir() if one.is_file() and not one.name.startswith(("_", "."))]
    return sorted((one for one in found if inner_suffix(one) in ENDINGS), key=lambda one: by_number(one.name))


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
        pieces = file_pieces(file, size, quoted, dialect)
        form = next(pieces)
        if first is None:
            first = form._replace(notes=_describe(path, files), comments=comments)
            yield first
        own, expected = form.frame.columns, first.frame.columns
        if sorted(own) != sorted(expected) or form.separator != first.separator:
            raise GatewiseError(
                f"{file} does not have the columns of {files[0]}: {', '.join(own)}, separated by "
                f"{form.separator!r}, and {', '.join(expected)}, separated by {first.separator!r}; give "
                "files of one table"
            )
        for piece in pieces:
            frame = piece.frame.select(expected)
            yield first._replace(frame=frame, lines=np.arange(row, row + frame.height), file=file.name)
            row += frame.height
        if form.comments is not None:
            comments.add(form.comments.lines, file.name)


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
                    return f"line {piece.lines[left - 1]} of {file.name}"
                left -= piece.frame.height
    except GatewiseError:  # without the encoding that the user gave
        pass
    return f"row {row}"


def _describe(path: Path, files: list[Path]) -> tuple[str, ...]:
    """A note on the files of a folder that are read as one table, and on the others."""
    others = sum(not one.name.startswith(("_", ".")) for one in path.iterdir()) - len(files)
    count = f"{len(files):,} CSV file{'s' * (len(files) > 1)} of the folder"
    unused = f"; other files and folders, which are not read: {others:,}" if others else ""
    return (f"{count} {'are' if len(files) > 1 else 'is'} read as one table{unused}",)
