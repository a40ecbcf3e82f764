"""Parquet files, read by polars, with every error as a `GatewiseError`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import polars as pl

from gatewise.data.tables.header import check_header
from gatewise.errors import GatewiseError

PARQUET = (".parquet", ".pq")
T = TypeVar("T")


def read_parquet(path: Path) -> pl.DataFrame:
    """Reads all rows of a file. Raises: `GatewiseError` if it is not a Parquet file or is damaged."""
    frame = _read(path, lambda: _scan(path).collect())
    check_header(path, frame.columns, is_text=False)
    return frame


def parquet_frames(path: Path, rows: Callable[[int], int]) -> Iterator[pl.DataFrame]:
    """Yields the rows of a file piece by piece; the first piece has no rows.

    rows: returns the rows of a piece for a number of columns
    """
    lazy = _scan(path)
    names = _read(path, lazy.collect_schema).names()
    check_header(path, names, is_text=False)
    size, row = rows(len(names)), 0
    yield _read(path, lazy.head(0).collect)
    while (frame := _read(path, lazy.slice(row, size).collect)).height:
        yield frame
        row += frame.height


def _scan(path: Path) -> pl.LazyFrame:
    """Opens a file; its path is not a pattern, and names of folders are not columns."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def _read(path: Path, read: Callable[[], T]) -> T:
    try:
        with _quiet():
            return read()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeError) as error:
        reason = str(error).strip().split("\n")[0] or "it is damaged"
        raise GatewiseError(f"{path} can't be read as a table: {reason}") from error


@contextmanager
def _quiet() -> Iterator[None]:
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
