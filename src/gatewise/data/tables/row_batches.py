"""A table in Parquet files, larger than memory, in batches of rows that hold whole series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.data.tables.parquet_folder import PARQUET, find_parquet_files, scan_folder
from gatewise.errors import GatewiseError

IDS_AT_ONCE = 1_000_000  # rows, of which the columns of ids are in memory


@dataclass(frozen=True)
class RowBatches:
    """The rows of a table, of which only some are in memory.

    table: the table, unread; height: its number of rows
    together: the columns whose rows with equal values follow each other and stay in one batch; none if each
        row is an example of its own
    """

    table: pl.LazyFrame
    height: int
    together: tuple[str, ...] = ()

    def after(self, first: int, rows: int) -> Iterator[tuple[int, pl.DataFrame]]:
        """The batches of about `rows` rows from row `first` on, each with the number of its first row."""
        while first < self.height:
            batch = self._whole(first, rows)
            yield first, batch
            first += batch.height

    def _whole(self, first: int, rows: int) -> pl.DataFrame:
        """The rows from `first` on, without those of a series that continues after them."""
        if not self.together:
            return self.table.slice(first, rows).collect()
        batch = self.table.slice(
            first, rows + 1
        ).collect()  # one more shows whether the last series continues
        if batch.height <= rows:
            return batch
        last = batch.tail(1).select(self.together)
        begins = batch.height - _run_length(batch.select(self.together), last)
        return batch.head(begins) if begins else self._whole(first, 2 * rows)


def open_batches(path: Path, together: Sequence[str]) -> RowBatches:
    """Opens a Parquet file, or a folder of them.

    together: the columns that identify a series

    Raises: `GatewiseError` if it is neither, a column is missing, or the rows of a series are apart.
    """
    files = find_parquet_files(path) if path.is_dir() else [path]
    if not files or not all(one.is_file() and one.name.lower().endswith(PARQUET) for one in files):
        raise GatewiseError(
            f"predictions in batches read a Parquet file, or a folder of them, got {str(path)!r}; save the "
            "table as .parquet, or predict it as a whole"
        )
    try:
        table = pl.concat(scan_folder(path, files)) if path.is_dir() else pl.scan_parquet(path, glob=False)
        columns = table.collect_schema().names()
        missing = [name for name in together if name not in columns]
        if missing:
            raise GatewiseError(
                f"{path} has no column {missing[0]!r}, which identifies series; it has {', '.join(columns)}"
            )
        height = int(table.select(pl.len()).collect().item())
        pieces, series = _count(table, height, together) if together else (0, 0)
    except pl.exceptions.PolarsError as error:
        raise GatewiseError(f"{path} is not a Parquet file that can be read: {error}") from error
    if not height:
        raise GatewiseError(f"{path} has no rows to predict")
    if pieces != series:
        names = ", ".join(map(repr, together))
        raise GatewiseError(
            f"{path}: the rows of a series do not follow each other, {pieces:,} pieces of {series:,} "
            f"series; sort the table by {names}"
        )
    return RowBatches(table, height, tuple(together))


def _count(table: pl.LazyFrame, height: int, together: Sequence[str]) -> tuple[int, int]:
    """How many runs of rows with the same series there are, and how many series."""
    seen: set[tuple[Any, ...]] = set()
    runs, last = 0, None
    changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in together)
    begins = changes | (pl.int_range(pl.len()) == 0)
    for first in range(0, height, IDS_AT_ONCE):
        keys = table.select(together).slice(first, IDS_AT_ONCE).collect()
        found = keys.filter(begins).rows()
        runs += len(found) - (found[0] == last)
        seen.update(found)
        last = keys.row(-1)
    return runs, len(seen)


def _run_length(keys: pl.DataFrame, last: pl.DataFrame) -> int:
    """How many of the last rows are equal to one."""
    same = keys.select(
        pl.all_horizontal(
            pl.col(name).eq_missing(pl.lit(last[name][0], keys[name].dtype)) for name in keys.columns
        )
    ).to_series()
    different = same.not_().arg_true()
    return keys.height - (int(different[-1]) + 1 if len(different) else 0)
