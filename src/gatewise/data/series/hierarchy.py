"""Aggregates of series whose ids nest, such as regions in countries: sums that are series, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from gatewise.data.tables.columns import FoundColumns
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

ALL = "all"  # the id of an aggregate in the columns over which it sums


def with_aggregates(table: Table, columns: FoundColumns) -> Table:
    """The table with rows of the sums at each level above the last of the hierarchy, if there is one.

    Raises: `GatewiseError` if the hierarchy has other columns than the id, if there are covariates, or with
        the place or the time of a value that is missing.
    """
    levels = list(columns.hierarchy)
    if not levels:
        return table
    _require_plain(table, columns)
    times = list(columns.time_source or (columns.time,))
    ids = [table.filled_texts(name, "id") for name in levels]
    values = _values(table, columns.target)
    cells = [table.column(name, "time") for name in times]
    frame = pl.DataFrame([*ids, *cells, pl.Series(columns.target, values)])
    for name in levels:
        if (frame[name] == ALL).any():
            row = int((frame[name] == ALL).arg_max() or 0)
            raise GatewiseError(
                f"{table.path}, {table.place(row)}, column {name!r}: {ALL!r} is the id of the sums of a "
                "hierarchy; give another id"
            )
    _require_balanced(table, frame, levels, times)
    rows = frame.with_columns(pl.Series("", np.arange(frame.height)))
    sums = [
        rows.group_by([*levels[:count], *times], maintain_order=True)
        .agg(pl.col(columns.target).sum(), pl.col("").first())
        .with_columns(pl.lit(ALL).alias(name) for name in levels[count:])
        .select(rows.columns)
        for count in range(len(levels))
    ]
    whole = pl.concat([rows, *sums])
    return replace(table, frame=whole.drop(""), lines=table.row_lines[whole[""].to_numpy()])


def describe_hierarchy(columns: FoundColumns) -> list[str]:
    """A note on the aggregates."""
    if not columns.hierarchy:
        return []
    return [f"the sums of the hierarchy {'/'.join(columns.hierarchy)} are series, too; their ids are {ALL!r}"]


def summing_matrix(ids: Sequence[Sequence[str]]) -> np.ndarray:
    """S, [series, bottom]: which series of the last level each series sums over.

    ids: of each series, a cell for each level

    >>> summing_matrix([("FR", "a"), ("FR", "b"), ("DE", "a"), ("FR", ALL), (ALL, ALL)]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """
    cells = np.array(ids, dtype=object)
    bottom = cells[(cells != ALL).all(axis=1)]
    matches = (cells[:, None] == bottom[None]) | (cells[:, None] == ALL)
    return np.asarray(matches.all(axis=2), dtype=float)


def _require_plain(table: Table, columns: FoundColumns) -> None:
    """Raises: `GatewiseError` if the columns have roles that sums can't have, or the id is another."""
    ids, given = columns.id_source or (columns.id,), "/".join(columns.hierarchy)
    if columns.target_source or columns.wide or columns.time_source == ():
        raise GatewiseError(
            f"{table.path}: --hierarchy {given} sums one target over rows with times; leave out --wide, "
            "other targets and --time none"
        )
    if sorted(map(str, ids)) != sorted(columns.hierarchy):
        raise GatewiseError(
            f"{table.path}: --hierarchy {given} and --id {','.join(map(str, ids))} have different columns; "
            "name the same ones, or leave out --id"
        )
    if others := (*columns.known, *columns.observed, *columns.static):
        raise GatewiseError(
            f"{table.path}: series of --hierarchy {given} have no covariates: leave out {', '.join(others)}"
        )


def _values(table: Table, target: str) -> np.ndarray:
    """[rows], the target. Raises: `GatewiseError` with the place of a missing value."""
    values = table.numbers(target, "target")
    if np.isnan(values).any():
        place = table.place(int(np.isnan(values).argmax()))
        raise GatewiseError(
            f"{table.path}, {place}, column {target!r} is empty; a sum of a hierarchy needs every value"
        )
    return values


def _require_balanced(table: Table, frame: pl.DataFrame, levels: list[str], times: list[str]) -> None:
    """Raises: `GatewiseError` if a series lacks a time that another has."""
    series = frame.select(levels).unique(maintain_order=True)
    counts = (
        frame.group_by(times, maintain_order=True).agg(pl.len().alias("")).filter(pl.col("") < series.height)
    )
    if counts.is_empty():
        return
    time = counts.drop("")[:1]
    missing = series.join(frame.join(time, on=times, how="semi"), on=levels, how="anti").row(0)
    raise GatewiseError(
        f"{table.path}: series {' / '.join(missing)!r} has no row for {', '.join(map(str, time.row(0)))}; "
        "the sums of a hierarchy need every series at every time"
    )
