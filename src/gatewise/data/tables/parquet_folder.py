"""Folders of Parquet files as one table, with the names of folders such as `store=2` as columns."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from gatewise.errors import GatewiseError

PARQUET = (".parquet", ".pq")
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # the name of a folder of rows without a value


def find_parquet_files(path: Path) -> list[Path]:
    """The Parquet files in a folder and the folders in it, `part-2` before `part-10`; none if it is a file.

    Files and folders whose names begin with `_` or `.` are those of other programs, and left out.
    """
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        shown = (Path(folder, name) for name in names if not name.startswith(("_", ".")))
        found += [one for one in shown if one.name.lower().endswith(PARQUET) and one.is_file()]
    return sorted(found, key=lambda one: by_number(str(one.relative_to(path))))


def scan_folder(path: Path, files: list[Path]) -> list[pl.LazyFrame]:
    """Opens the files of a folder, each with the columns that the names of its folders make.

    These are whole numbers if all are, else texts. The columns of a file may be in another order than those
    of the first, and repeat the names of its folders.

    Raises: `GatewiseError` with the name of a file whose columns are not those of the first, or do not have
        the values in the names of its folders.
    """
    partitions = [partition_of(path, file) for file in files]
    names = list(partitions[0])
    whole = {name: all(is_whole(one.get(name)) for one in partitions) for name in names}
    frames: list[pl.LazyFrame] = []
    first: pl.Schema | None = None
    for file, partition in zip(files, partitions, strict=True):
        frame = pl.scan_parquet(file, glob=False, hive_partitioning=False)
        schema = frame.collect_schema()
        first = first or schema
        if list(partition) != names or dict(schema) != dict(first):
            raise GatewiseError(
                f"{file} does not have the columns of {files[0]}: {_describe(schema, partition)}, and "
                f"{_describe(first, partitions[0])}; give files of one table, in folders of one depth"
            )
        made = [
            pl.lit(partition[name]).cast(pl.Int64 if whole[name] else pl.String).alias(name)
            for name in names
            if name not in schema
        ]
        for name in names:
            if name in schema:
                _require_value(file, frame, name, schema[name], partition[name])
        frames.append(frame.select(first.names()).with_columns(made))
    return frames


def _require_value(file: Path, frame: pl.LazyFrame, name: str, kind: pl.DataType, value: str | None) -> None:
    """Raises: `GatewiseError` if a column of a file has another value than the name of its folder."""
    number = pl.Series([value], dtype=pl.String).cast(kind, strict=False)[0] if kind.is_numeric() else None
    texts = pl.col(name).cast(pl.String)
    differ = texts.ne_missing(pl.lit(value, pl.String))
    if number is not None:  # 1 in a folder month=01
        differ = pl.col(name).ne_missing(pl.lit(number, kind))
    found = frame.filter(differ).select(texts.head(1)).collect()
    if found.height:
        raise GatewiseError(
            f"{file}: column {name!r} has {found[name][0]!r}, and the name of its folder has {value!r}; "
            "rename the folder, or remove the column from the file"
        )


def first_rows(path: Path) -> list[tuple[int, str]]:
    """The first row of each file in the table of a folder, from 1, and the name of the file."""
    row, found = 1, []
    for file in find_parquet_files(path):
        found.append((row, str(file.relative_to(path))))
        height = pl.scan_parquet(file, glob=False, hive_partitioning=False).select(pl.len()).collect().item()
        row += height
    return found


def place_in_folder(path: Path, row: int) -> str:
    """A row of the table of a folder, from 1, as a row of its file, for messages."""
    first, name = [one for one in first_rows(path) if one[0] <= row][-1]
    return f"row {row - first + 1} of {name}"


def describe_folder(path: Path, files: list[Path]) -> tuple[str, ...]:
    """A note on the files of a folder that are read as one table, and on the others."""
    visible = (one for one in path.rglob("*") if one.is_file() and not one.name.startswith(("_", ".")))
    others = sum(1 for _ in visible) - len(files)
    count = f"{len(files):,} Parquet file{'s' * (len(files) > 1)} of the folder"
    own = pl.read_parquet_schema(files[0])
    made = [name for name in partition_of(path, files[0]) if name not in own]
    columns = "".join(f", column {name!r} from the names of folders" for name in made)
    unused = f"; other files, which are not read: {others:,}" if others else ""
    return (f"{count} {'are' if len(files) > 1 else 'is'} read as one table{columns}{unused}",)


def partition_of(path: Path, file: Path) -> dict[str, str | None]:
    """The columns and values in the names of the folders between a folder and a file in it."""
    parts = (part.partition("=") for part in file.relative_to(path).parent.parts)
    return {name: None if value == NO_VALUE else unquote(value) for name, equals, value in parts if equals}


def is_whole(value: str | None) -> bool:
    return value is None or re.fullmatch(r"-?(0|[1-9]\d{0,17})", value) is not None


def _describe(schema: pl.Schema, partition: dict[str, str | None]) -> str:
    return ", ".join([*(f"{name} {kind}" for name, kind in schema.items()), *partition])


def by_number(name: str) -> list[tuple[str, int]]:
    """A key by which numbers in names sort as numbers."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)]
