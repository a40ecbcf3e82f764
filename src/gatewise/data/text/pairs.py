"""Pairs of texts from a table with two columns, or from two files line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import polars as pl

from gatewise.data.opening import data_suffix, require_file
from gatewise.data.tables.csv_folder import csv_pieces
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.table import BYTES_AT_ONCE, Table, join_pieces, read_table
from gatewise.data.tables.typed import TYPED, is_typed
from gatewise.data.text.lines import Lines
from gatewise.data.text.pair_columns import pair_columns, source_column
from gatewise.data.text.pair_header import describe_header, is_row_of_texts
from gatewise.errors import GatewiseError

TABLES = (".csv", ".tsv", ".tab", *TYPED)
TAB_SEPARATED = (".tsv", ".tab")


class Texts(Protocol):
    """Texts by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> str: ...


@dataclass(frozen=True)
class Column:
    """A column of a table as texts; an empty cell is an empty text."""

    values: pl.Series

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self.values[number] or ""


@dataclass(frozen=True)
class TextPairs:
    """Pairs of texts by number.

    place: of a pair, for messages; columns: of the two sides in a table
    notes: on the columns that were found; dialect: how the table is written
    """

    path: str
    sources: Texts
    targets: Texts
    place: Callable[[int], str]
    columns: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)

    def __len__(self) -> int:
        return len(self.sources)


def is_table(path: str | Path) -> bool:
    """Whether a file is a table, by its extension; any other is a text."""
    return data_suffix(Path(path)) in TABLES


def read_pairs(
    path: str | Path,
    target_file: str | Path | None = None,
    source: str | None = None,
    target: str | None = None,
    dialect: Dialect | None = None,
) -> TextPairs:
    """Reads pairs from a CSV, TSV or Parquet file, or from two text files line by line.

    Args:
        target_file: the translations of the lines of a text file
        source, target: columns of a table, by default those with these names, or the first two with texts
        dialect: how the table is written

    Raises: `GatewiseError` with the columns of the table, or the numbers of lines.
    """
    dialect = dialect or Dialect()
    if target_file is not None:
        dialect.require_default(Path(path), "a text")
        if source or target:
            raise GatewiseError("text files have no columns; leave --source and --target out")
        return _aligned(Path(path), Path(target_file))
    if not is_table(path) and Path(path).is_file():
        raise GatewiseError(
            f"{path} does not have the extension of a table ({', '.join(TABLES)}); if it is a text with a "
            "sentence in each line, give the file with the translations as --target-file"
        )
    table = read_text_table(path, dialect)
    is_unclear = dialect.header is None and source is None and target is None and not is_typed(Path(path))
    if is_unclear and table.has_header and is_row_of_texts(table):
        table = read_text_table(path, replace(dialect, header=False))
    names, notes = pair_columns(table, source, target)
    header_notes = describe_header(table, names, dialect) if is_unclear else ()
    notes = (*table.file_notes, *header_notes, *notes)
    sources, targets = _texts(table, names[0], "source"), _texts(table, names[1], "target")
    written = dialect.resolved(table.has_header)
    return TextPairs(table.path, sources, targets, table.place, names, notes, written)


def read_sources(
    path: str | Path, column: str | None, dialect: Dialect | None = None
) -> tuple[Texts, str | None, tuple[str, ...]]:
    """Reads texts to translate: a column of a table, or the lines of a text file.

    column: its name; not needed if there is only one, or one that is recognized
    dialect: how the table is written

    Returns: the texts, the name of the column, if there is one, and notes on what is left out
    """
    if not is_table(path):
        return Lines(path), None, ()
    table = read_text_table(path, dialect)
    if column not in table.columns and len(table.columns) == 1:
        column = table.columns[0]
    if column is None:
        column = source_column(table)
    return _texts(table, column, "source"), column, table.file_notes


def read_text_table(path: str | Path, dialect: Dialect | None = None) -> Table:
    """Reads a table of texts. In a tab-separated one, quotation marks within cells are kept.

    dialect: of the table; None if the user can't give one

    Raises: `GatewiseError` as `read_table`.
    """
    path = Path(path)
    if data_suffix(path) not in TAB_SEPARATED:
        return read_table(path, dialect)
    require_file(path, "a CSV or a Parquet file")
    table = join_pieces(path, csv_pieces(path, BYTES_AT_ONCE, quoted=False, dialect=dialect))
    if table.frame.height == 0:
        raise GatewiseError(f"{path} has no rows below its header; give a table with rows")
    frame = table.frame.rename(_unquoted)
    return replace(table, frame=frame.with_columns(_unquote(pl.all())))


def _unquoted(name: str) -> str:
    return str(pl.select(_unquote(pl.lit(name))).item())


def _unquote(cell: pl.Expr) -> pl.Expr:
    """Removes the quotation marks that other programs put around a cell that contains some."""
    inner = cell.str.slice(1, cell.str.len_chars() - 2)
    around = cell.str.contains(r'^".*"$') & (cell.str.len_chars() > 1)
    doubled = ~inner.str.replace_all('""', "", literal=True).str.contains('"', literal=True)
    return pl.when(around & doubled).then(inner.str.replace_all('""', '"', literal=True)).otherwise(cell)


def _aligned(path: Path, target_file: Path) -> TextPairs:
    for one in (path, target_file):
        if is_table(one) and one.is_file():
            raise GatewiseError(f"{one} is a table: give it alone, without --target-file")
    sources, targets = Lines(path), Lines(target_file)
    if len(sources) != len(targets):
        raise GatewiseError(
            f"{path} has {len(sources)} lines and {target_file} has {len(targets)}; "
            "each line must be the translation of the same line in the other file"
        )
    return TextPairs(str(path), sources, targets, sources.place)


def _texts(table: Table, name: str, role: str) -> Column:
    column = table.column(name, role)
    if column.dtype == pl.Null:
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        raise GatewiseError(f"{table.path}, column {name!r}: expected texts, got {column.dtype}")
    return Column(column)
