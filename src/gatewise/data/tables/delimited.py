"""CSV files as frames of text, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gatewise.data.tables.comments import Comments
from gatewise.data.tables.decoding import inner_suffix, open_table
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.header import check_header
from gatewise.data.tables.rows import RowReader, Rows
from gatewise.errors import GatewiseError


class Piece(NamedTuple):
    """Some rows of a file.

    lines: [rows], the line of each; separator: of the cells, None for a file with typed columns
    has_header: whether the file has names of columns; notes: on how it is read
    comments: the lines that are left out so far; of later pieces too, once they are read
    file: the name of the file in a folder
    """

    frame: pl.DataFrame
    lines: np.ndarray
    separator: str | None = None
    has_header: bool = True
    notes: tuple[str, ...] = ()
    comments: Comments | None = None
    file: str = ""


def file_pieces(
    path: Path, size: int, quoted: bool = True, dialect: Dialect | None = None
) -> Iterator[Piece]:
    """Yields the rows of a CSV with all cells as text, about `size` bytes at a time.

    The first piece is the header without rows. Blank lines are skipped in tables of several columns.

    quoted: whether quotation marks enclose cells; if not, cells are separated by tabs
    dialect: of the table; None if the user can't give one

    Raises: `GatewiseError` with the line of the first row that can't be read.
    """
    if inner_suffix(path) == ".tsf":
        raise GatewiseError(f"{path} is an archive of series, which the tasks forecast and anomaly read")
    with open_table(path, None if dialect is None else dialect.encoding) as file:
        yield from stream_pieces(path, file, size, quoted, dialect)


def stream_pieces(
    path: Path, file: BufferedReader, size: int, quoted: bool = True, dialect: Dialect | None = None
) -> Iterator[Piece]:
    """As `file_pieces`, of a stream in UTF-8. path: for messages"""
    reader = RowReader(path, file, quoted, dialect)
    names = _without_trailing(reader.names)
    check_header(path, names, is_text=reader.has_header, dialect=dialect)
    first = _named(_parsed(reader, b""), names)
    form = Piece(first, np.zeros(0, np.int64), reader.separator, reader.has_header, (), reader.comments)
    yield form
    for rows in reader.blocks(size):
        frame = _parsed(reader, rows.text)
        if frame.height != len(rows.lines):
            raise reader.error(f"the rows from line {rows.lines[0]} on can't be separated")
        beyond = frame.select(pl.any_horizontal(False, pl.nth(range(len(names), frame.width)).is_not_null()))
        if beyond.to_series().any():
            line = rows.lines[beyond.to_series().arg_max() or 0]
            raise reader.error(
                f"line {line} has a cell to the right of the named columns; name its column, or remove it"
            )
        yield _without_blank(form._replace(frame=_named(frame, names), lines=rows.lines), rows)


def _without_trailing(names: list[str]) -> list[str]:
    """The names without trailing empty ones, two or more of which are empty columns of a spreadsheet."""
    last = max((place for place, name in enumerate(names, 1) if name), default=0)
    return names[:last] if len(names) > last + 1 else names


def _named(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    frame = frame[:, : len(names)]
    frame.columns = names
    return frame


def _parsed(reader: RowReader, text: bytes) -> pl.DataFrame:
    """Parses rows under a header of numbers: polars takes some first bytes for a compressed file."""
    header = reader.separator.join(map(str, range(len(reader.names)))).encode()
    try:
        return pl.read_csv(
            header + b"\n" + text,
            infer_schema=False,
            separator=reader.separator,
            quote_char='"' if reader.quoted else None,
        )
    except pl.exceptions.PolarsError as error:
        raise reader.error(str(error).strip().split("\n")[0]) from error


def _without_blank(piece: Piece, rows: Rows) -> Piece:
    if piece.frame.width == 1 or not rows.blank.any():
        return piece
    kept = ~rows.blank
    return piece._replace(frame=piece.frame.filter(pl.Series(kept)), lines=piece.lines[kept])
