"""Tables with typed columns (Parquet, Arrow, JSON lines, Excel, NumPy arrays); every error is one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import polars as pl

from gatewise.data.opening import data_suffix, require_file
from gatewise.data.tables.array_table import ARRAYS, read_array_table
from gatewise.data.tables.csv_folder import find_csv_files
from gatewise.data.tables.decoding import open_table
from gatewise.data.tables.dialect import Dialect, name_columns
from gatewise.data.tables.header import check_header
from gatewise.data.tables.parquet_folder import PARQUET, describe_folder, find_parquet_files, scan_folder
from gatewise.errors import GatewiseError

ARROW = (".arrow", ".feather", ".ipc")
EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls")
JSON_LINES = (".jsonl", ".ndjson")  # may be compressed
TYPED = (*PARQUET, *ARROW, *EXCEL, *JSON_LINES)  # with rows of texts, too
T = TypeVar("T")


def require_table(path: Path) -> None:
    """Raises: `GatewiseError` if a path is neither a table nor a folder of Parquet or CSV files."""
    if find_parquet_files(path) or find_csv_files(path):
        return
    require_file(path, "a CSV or a Parquet file, or a folder of such files")
    if data_suffix(path) == ".json":
        raise GatewiseError(
            f"{path} is JSON, of which only lines are read: write an object in each line, to a .jsonl file "
            "(in pandas, frame.to_json(path, orient='records', lines=True))"
        )


def describe_typed(path: Path) -> tuple[str, ...]:
    """A note on a folder of Parquet files; none on a file."""
    files = find_parquet_files(path)
    return describe_folder(path, files) if files else ()


def is_typed(path: Path) -> bool:
    """Whether a file has typed columns, by its ending, or is a folder of such files."""
    if path.is_dir():
        return bool(find_parquet_files(path))
    return path.suffix.lower() in (*PARQUET, *ARROW, *EXCEL, *ARRAYS) or data_suffix(path) in JSON_LINES


def has_names(path: Path, dialect: Dialect | None) -> bool:
    """Whether a file has names of columns: all but an Excel file that is given as one without a header."""
    is_excel = path.suffix.lower() in EXCEL
    return not is_excel or dialect is None or dialect.header is not False


def read_typed(path: Path, dialect: Dialect | None = None) -> pl.DataFrame:
    """Reads all rows of a file.

    dialect: of the table; None if the user can't give one

    Raises: `GatewiseError` if it is damaged, or not as its ending.
    """
    suffix = path.suffix.lower()
    if suffix in PARQUET or path.is_dir():
        frame = _read(path, lambda: pl.concat([one.collect() for one in _scan(path)]))
    elif suffix in ARROW:
        frame = _read(path, lambda: pl.read_ipc(path.read_bytes()))
    elif suffix in EXCEL:
        frame = _read_excel(path, has_header=has_names(path, dialect))
    elif suffix in ARRAYS:
        frame = read_array_table(path)
    else:
        frame = _read_json_lines(path, None if dialect is None else dialect.encoding)
    check_header(path, frame.columns, is_text=suffix in EXCEL, dialect=dialect)
    return frame


def typed_frames(
    path: Path, rows: Callable[[int], int], dialect: Dialect | None = None
) -> Iterator[pl.DataFrame]:
    """Yields the rows of a file piece by piece; the first piece has no rows.

    A Parquet file may be larger than memory.

    rows: returns the rows of a piece for a number of columns
    dialect: of the table; None if the user can't give one
    """
    is_parquet = path.suffix.lower() in PARQUET or path.is_dir()
    frames = _read(path, lambda: _scan(path)) if is_parquet else [read_typed(path, dialect).lazy()]
    names = _read(path, frames[0].collect_schema).names()
    check_header(path, names, is_text=False)
    size = rows(len(names))
    yield _read(path, frames[0].head(0).collect)
    for lazy in frames:
        row = 0
        while (frame := _read(path, lazy.slice(row, size).collect)).height:
            yield frame
            row += frame.height


def _scan(path: Path) -> list[pl.LazyFrame]:
    """Opens a Parquet file, or those of a folder; a path is not a pattern.

    Names of folders are columns only below the path.
    """
    files = find_parquet_files(path)
    return scan_folder(path, files) if files else [pl.scan_parquet(path, glob=False, hive_partitioning=False)]


def _read_excel(path: Path, has_header: bool) -> pl.DataFrame:
    """Reads the first sheet of a workbook."""
    try:
        frame = _read(
            path,
            lambda: pl.read_excel(path.read_bytes(), infer_schema_length=None, has_header=has_header),
        )
    except ModuleNotFoundError as error:
        raise GatewiseError(
            f'{path} is an Excel file, read by fastexcel: pip install "gatewise[excel]", or save it as CSV'
        ) from error
    except GatewiseError:
        raise
    except Exception as error:  # fastexcel has exceptions of its own
        reason = str(error).strip().split("\n")[0]
        raise GatewiseError(f"{path} can't be read as a table: {reason}") from error
    if not has_header:
        frame.columns = name_columns(frame.width)
    return without_empty_end(frame.with_columns(pl.col(pl.String).replace("", None)))


def without_empty_end(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table up to the last one with a cell, as spreadsheets may have empty ones below."""
    there = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    last = there.arg_true().max() if there.any() else None
    return frame.head(0 if last is None else int(str(last)) + 1)


def _read_json_lines(path: Path, encoding: str | None) -> pl.DataFrame:
    """Reads a file with an object in each line, whose names are the columns."""
    with open_table(path, encoding) as stream:
        text = stream.read()
    if not text.strip():
        raise GatewiseError(f"{path} can't be read as a table: {path.name} is empty")
    try:
        return _read(path, lambda: pl.read_ndjson(text, infer_schema_length=None))
    except GatewiseError:
        for line, content in enumerate(text.split(b"\n"), 1):
            if content.strip() and not _is_object(content):
                raise GatewiseError(
                    f"{path} can't be read as a table: line {line} is not a JSON object such as "
                    '{"time": "2024-01-31", "value": 1.5}'
                ) from None
        raise


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def _read(path: Path, read: Callable[[], T]) -> T:
    try:
        with quiet():
            return read()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError) as error:
        reason = str(error).strip().split("\n")[0] or "it is damaged"
        raise GatewiseError(f"{path} can't be read as a table: {reason}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Discards the message that Rust prints about a panic, which is raised as an exception anyway."""
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
