"""Aggregates of series whose ids nest, such as regions in countries: sums that are series, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gatewise.data.series.series_set import Series, SeriesSet
from gatewise.data.series.statics import StaticValues
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.tables.joined_id import ID_SEPARATOR
from gatewise.data.tables.names import name_some
from gatewise.data.tables.table import Table
from gatewise.data.times.formats import format_time
from gatewise.errors import GatewiseError

ALL = "all"  # the id of an aggregate in the columns over which it sums, and its category where these differ


def require_hierarchy(table: Table, columns: FoundColumns) -> None:
    """Raises: `GatewiseError` if the columns of the hierarchy are not those of the id, or can't be summed."""
    if not columns.hierarchy:
        return
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
    for name in columns.hierarchy:
        is_all = table.filled_texts(name, "id") == ALL
        if is_all.any():
            place = table.place(int(is_all.arg_max() or 0))
            raise GatewiseError(
                f"{table.path}, {place}, column {name!r}: {ALL!r} is the id of the sums of a hierarchy; give "
                "another id"
            )


def with_aggregates(source: SeriesSet, path: str, expected: Iterable[str] = ()) -> SeriesSet:
    """The series, then their sums at each level above the last of the hierarchy, if there is one.

    A value of a sum is filled where one of its series is. Its covariates are those of all of its series.

    path: of the table, for messages; expected: the ids of all series of the table

    Raises: `GatewiseError` if a series has no values, or not those of the times of the others, or if a number
        beside the target differs between the series of a sum.
    """
    if not source.columns.hierarchy:
        return source
    _require_balanced(source, path, expected)
    groups: dict[tuple[str, ...], list[Series]] = {}
    cells = [_cells(source.columns, series) for series in source.series]
    for count in range(len(source.columns.hierarchy)):
        for series, own in zip(source.series, cells, strict=True):
            group = (*own[:count], *[ALL] * (len(own) - count))
            groups.setdefault(group, []).append(series)
    sums = tuple(_sum(source, group, members, path) for group, members in groups.items())
    return replace(source, series=(*source.series, *sums))


def without_aggregates(source: SeriesSet) -> SeriesSet:
    """The series of the last level of the hierarchy; all if there is none."""
    columns = source.columns
    return source.divided(lambda series: not columns.hierarchy or ALL not in _cells(columns, series))[0]


def describe_hierarchy(source: SeriesSet) -> list[str]:
    """A note on the aggregates."""
    if not source.columns.hierarchy:
        return []
    given, count = "/".join(source.columns.hierarchy), len(without_aggregates(source).series)
    sums = len(source.series) - count
    beside = f"{sums:,} beside {count:,} of the table"
    return [f"the sums of the hierarchy {given} are series, too: {beside}; their ids are {ALL!r}"]


def summing_matrix(source: SeriesSet) -> np.ndarray:
    """S, [series, bottom]: which series of the last level each series of a hierarchy sums over."""
    cells = np.array([_cells(source.columns, series) for series in source.series], dtype=object)
    bottom = cells[(cells != ALL).all(axis=1)]
    matches = (cells[:, None] == bottom[None]) | (cells[:, None] == ALL)
    return np.asarray(matches.all(axis=2), dtype=float)


def levels_of(source: SeriesSet) -> dict[str, list[int]]:
    """The numbers of the series of each level by its last column, from the sum of all down."""
    names = (ALL, *source.columns.hierarchy)
    found: dict[str, list[int]] = {name: [] for name in names}
    for number, series in enumerate(source.series):
        found[names[sum(cell != ALL for cell in _cells(source.columns, series))]].append(number)
    return found


def _cells(columns: FoundColumns, series: Series) -> tuple[str, ...]:
    """The id of a series, a cell for each level."""
    own = columns.id_cells(series.id, 1)
    return tuple(own[name][0] for name in columns.hierarchy)


def _require_balanced(source: SeriesSet, path: str, expected: Iterable[str]) -> None:
    """Raises: `GatewiseError` if the series have other times than the first, or one is left out."""
    first, given = source.series[0], "/".join(source.columns.hierarchy)
    found = {series.id for series in source.series}
    if missing := [name for name in expected if name not in found]:
        raise GatewiseError(
            f"{path}: series {name_some(missing)} have no value; the sums of --hierarchy {given} need every "
            "series: give values, such as 0, or remove the rows"
        )
    for series in source.series:
        if not series.times.equals(first.times) or len(series) != len(first):
            raise GatewiseError(
                f"{path}: series {first.id!r} has values {_span(first)}, and {series.id!r} {_span(series)}; "
                f"the sums of --hierarchy {given} need every series at every time: add rows, such as with 0, "
                "or remove some"
            )


def _span(series: Series) -> str:
    """The first and the last time with a value, and the last one with covariates if it is later."""
    if not len(series):
        return "at no time"
    last = len(series) - 1
    beyond = f" (and rows to {format_time(series.times[-1])})" if len(series.times) > len(series) else ""
    return f"from {format_time(series.times[0])} to {format_time(series.times[last])}{beyond}"


def _sum(source: SeriesSet, group: Sequence[str], members: Sequence[Series], path: str) -> Series:
    """The sum of some series. group: its id, a cell for each level"""
    columns, first = source.columns, members[0]
    by_name = dict(zip(columns.hierarchy, group, strict=True))
    id = ID_SEPARATOR.join(by_name[name] for name in columns.id_source or columns.hierarchy)
    names = (*columns.known, *columns.observed)
    for one in members[1:]:
        pairs = zip((*first.known.T, *first.observed.T), (*one.known.T, *one.observed.T), strict=True)
        for place, (name, (given, other)) in enumerate(zip(names, pairs, strict=True)):
            if (differs := given != other).any():
                step = int(differs.argmax())
                values = [_shown(values[step], first.categories[place]) for values in (given, other)]
                raise _refusal(path, name, id, values, (first, one), f" at {format_time(first.times[step])}")
    return replace(
        first,
        id=id,
        target=np.sum([one.target for one in members], axis=0),
        filled=np.any([one.filled for one in members], axis=0),
        static=_statics(columns, id, members, path),
    )


def _statics(columns: FoundColumns, id: str, members: Sequence[Series], path: str) -> StaticValues:
    """The static values of a sum: those that its series have in common, else the category of all."""
    found: list[float | str] = []
    for place, name in enumerate(columns.static):
        value = members[0].static[place]
        other = next((one for one in members if one.static[place] != value), None)
        if other is not None and not isinstance(value, str):
            values = [f"{one.static[place]:g}" for one in (members[0], other)]
            raise _refusal(path, name, id, values, (members[0], other), "")
        found.append(value if other is None else ALL)
    return tuple(found)


def _shown(value: float, categories: Sequence[str]) -> str:
    return repr(categories[int(value) - 1]) if categories else f"{value:g}"


def _refusal(
    path: str, name: str, id: str, values: Sequence[str], members: Sequence[Series], when: str
) -> GatewiseError:
    first, other = (f"{value} in {one.id!r}" for value, one in zip(values, members, strict=True))
    return GatewiseError(
        f"{path}: the column {name!r} has no value for the sum {id!r}, since it differs between its series: "
        f"{first} and {other}{when}; leave it out, or forecast without --hierarchy"
    )
