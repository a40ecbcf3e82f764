"""The future of known covariates, or of irregular times, from a file of its own: a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.series.covariates import Covariate, read_covariate
from gatewise.data.series.hierarchy import with_aggregates, without_aggregates
from gatewise.data.series.series_set import Series, SeriesSet
from gatewise.data.series.step import joined_times
from gatewise.data.series.targets import repeated_by, repeated_by_target
from gatewise.data.series.time_source import with_times
from gatewise.data.tables.joined_id import with_joined_id
from gatewise.data.tables.names import MAX_NAMED, name_some
from gatewise.data.tables.table import Table, read_table
from gatewise.data.times.column import read_times
from gatewise.data.times.formats import format_time
from gatewise.errors import GatewiseError


def with_scenario(
    source: SeriesSet,
    path: Path,
    horizon: int,
    time_format: str | None = None,
    time_zone: str | None = None,
) -> SeriesSet:
    """The series with the known covariates of the steps beyond their last target from another file.

    At irregular times these are the first rows of a series after its last target. Rows of the file at other
    times, or of other series, are not used, with a warning.

    path: a table with the columns of times, ids and known covariates that the series have; without ids, its
        rows are those of all series where these were the columns of a wide table
    horizon: the steps for which every series needs a row; time_format, time_zone: as in `read_series`

    Raises: `GatewiseError` if a series, a time or a value is missing, a time is there twice, or nothing is
        known in advance.
    """
    source = without_aggregates(source)
    columns, count = source.columns, len(source.columns.known)
    knows_none = not columns.known and not source.step.is_irregular
    if knows_none or columns.time_source == ():
        lack = "known covariates" if knows_none else "times: their rows are counted"
        raise GatewiseError(f"the series have no {lack}; predict without --known-from, got {str(path)!r}")
    read = read_table(path, columns.dialect)
    given = repeated_by_target(read, columns)
    if columns.wide == "columns" and columns.id not in given.columns:
        given = repeated_by(given, str(columns.id), [series.id for series in source.series])
    table, _ = with_times(with_joined_id(given, columns.id, columns.id_source), columns)
    covariates = [
        read_covariate(table, name, "known covariate", name in columns.categorical) for name in columns.known
    ]
    is_irregular = source.step.is_irregular
    times = read_times(table, columns.time, time_format, time_zone, is_irregular).values
    ticks = times.to_physical().to_numpy()
    rows = _rows_of_series(table, source)
    categories = _joined_categories(source, covariates)
    series = []
    for one in source.series:
        own = _rows_ahead(table, source, one, ticks, rows[one.id], horizon)
        ahead = [_values(table, *pair, own) for pair in zip(covariates, categories, strict=True)]
        known = np.concatenate([one.known[: len(one)], np.reshape(ahead, (count, horizon)).T])
        all_times = joined_times(one.times[: len(one)], times.gather(own))
        all_categories = (*categories, *one.categories[count:])
        series.append(replace(one, times=all_times, known=known, categories=all_categories))
    unused = (table.frame.height - horizon * len(source.series)) * read.frame.height // table.frame.height
    other = f"{path}: rows of other times or series, which are not used: {unused}"
    found = replace(source, series=tuple(series)).warned(*((other,) if unused else ()))
    return with_aggregates(found, str(path))


def _rows_of_series(table: Table, source: SeriesSet) -> dict[str, np.ndarray]:
    """The rows of each series, and of others. Raises: `GatewiseError` if a series is missing."""
    expected = [series.id for series in source.series]
    if source.columns.id is None:
        return {expected[0]: np.arange(table.frame.height)}
    ids = table.filled_texts(source.columns.id, "id")
    found = pl.DataFrame({"id": ids}).with_row_index("row").group_by("id", maintain_order=True)
    rows = {str(key[0]): group["row"].to_numpy().astype(np.int64) for key, group in found}
    if missing := [name for name in expected if name not in rows]:
        raise GatewiseError(f"{table.path} has no rows of series {name_some(missing)}, which the data have")
    return rows


def _rows_ahead(
    table: Table, source: SeriesSet, series: Series, ticks: np.ndarray, rows: np.ndarray, horizon: int
) -> np.ndarray:
    """The rows of the steps after the last target, in order.

    Raises: `GatewiseError` if one is missing, or there twice.
    """
    places: dict[float, int] = {}
    for row in rows.tolist():
        if (tick := ticks[row].item()) in places:
            first, second = (table.place(one) for one in (places[tick], row))
            raise GatewiseError(
                f"{table.path}: {first} and {second} have the same time in series {series.id!r}; keep one"
            )
        places[tick] = row
    steps = len(series)
    if source.step.is_irregular:
        last = series.times[steps - 1 : steps]
        later = sorted(tick for tick in places if tick > last.to_physical()[0])
        if len(later) < horizon:
            raise GatewiseError(
                f"{table.path} has {len(later)} times after {format_time(last[0])}, the last of series "
                f"{series.id!r}; a horizon of {horizon} needs as many"
            )
        return np.array([places[tick] for tick in later[:horizon]])
    times = source.step.grid(series.times, steps + horizon)[steps:]
    wanted = times.to_physical().to_list()
    missing = [format_time(time) for time, tick in zip(times, wanted, strict=True) if tick not in places]
    if missing:
        raise GatewiseError(
            f"{table.path} lacks {len(missing)} of the {horizon} times to forecast of series {series.id!r}: "
            f"{', '.join(missing[:MAX_NAMED])}{', ...' * (len(missing) > MAX_NAMED)}"
        )
    return np.array([places[tick] for tick in wanted])


def _joined_categories(source: SeriesSet, covariates: Sequence[Covariate]) -> list[tuple[str, ...]]:
    """The categories of each known covariate, in the series and in the scenario."""
    joined = []
    for own, covariate in zip(source.series[0].categories, covariates, strict=False):
        joined.append((*own, *(name for name in covariate.categories if name not in own)))
    return joined


def _values(table: Table, covariate: Covariate, categories: tuple[str, ...], rows: np.ndarray) -> np.ndarray:
    """The values of a covariate in rows, categories as codes of the joined ones.

    Raises: `GatewiseError` with the place of an empty cell.
    """
    values = covariate.values[rows]
    if np.isnan(values).any():
        place = table.place(int(rows[np.isnan(values).argmax()]))
        raise GatewiseError(f"{table.path}, {place}, column {covariate.name!r} is empty")
    if not covariate.categories:
        return values
    codes = np.array([0.0, *(1.0 + categories.index(name) for name in covariate.categories)])
    return codes[values.astype(int)]
