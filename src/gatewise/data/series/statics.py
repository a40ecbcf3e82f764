"""Static features: columns that are constant within each series, as inputs of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from gatewise.data.series.categories import Categories, require_few
from gatewise.data.series.covariates import category_names
from gatewise.data.series.scaling import Scale, learn_scale
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.tables.names import name_some
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

ROLE = "static column"
MAX_STATIC_CATEGORIES = 1000  # of a column
StaticValues = tuple[float | str, ...]


def read_statics(table: Table, columns: FoundColumns, rows: Mapping[str, np.ndarray]) -> list[StaticValues]:
    """The values of the static columns of each series: numbers, and texts of categories.

    Empty cells are ignored where the series has a value; a category without any is "".

    rows: of each series, by its id

    Raises: `GatewiseError` with the place of a second value in a series, or of a cell that is not a number.
    """
    if not columns.static:
        return [()] * len(rows)
    by_column = [_read_column(table, name, name in columns.categorical, rows) for name in columns.static]
    return list(zip(*by_column, strict=True))


def _read_column(
    table: Table, name: str, is_category: bool, rows: Mapping[str, np.ndarray]
) -> list[float | str]:
    """The value of a column in each series."""
    if is_category:
        texts = category_names(table, name, ROLE)
        cells = texts.set(texts == "", None)
    else:
        cells = pl.Series(name, _numbers(table, name), nan_to_null=True)
    order = np.concatenate(list(rows.values()))
    series = np.repeat(np.arange(len(rows)), [len(own) for own in rows.values()])
    given = pl.DataFrame({"series": series, "row": order, "value": cells.gather(order)}).drop_nulls("value")
    given = given.with_columns(
        pl.col("row", "value").first().over("series", mapping_strategy="group_to_rows").name.prefix("first_")
    )
    _require_constant(table, name, given, list(rows))
    found = dict(given.select("series", "value").unique("series").iter_rows())
    if not is_category and len(found) < len(rows):
        missing = [one for place, one in enumerate(rows) if place not in found]
        raise GatewiseError(
            f"{table.path}: the static column {name!r} has no number in series {name_some(missing)}; give "
            "one, or leave out the column"
        )
    return [found.get(place, "") for place in range(len(rows))]


def _numbers(table: Table, name: str) -> np.ndarray:
    try:
        return table.numbers(name, ROLE)
    except GatewiseError as error:
        raise GatewiseError(f"{error}; --categorical {name} reads texts") from error


def _require_constant(table: Table, name: str, given: pl.DataFrame, ids: Sequence[str]) -> None:
    """Raises: `GatewiseError` if a column has two values in a series.

    given: of each cell the "series", its "row" and "value", and those of the first cell of the series
    """
    others = given.filter(pl.col("value") != pl.col("first_value"))
    if others.is_empty():
        return
    first = others.row(0, named=True)
    one, other = (
        f"{value:g}" if isinstance(value, float) else repr(value)
        for value in (first["first_value"], first["value"])
    )
    raise GatewiseError(
        f"{table.path}: the static column {name!r} of series {ids[first['series']]!r} is {one} in "
        f"{table.place(first['first_row'])} and {other} in {table.place(first['row'])}; give a column that "
        "varies within a series with --known or --observed, or correct the cell"
    )


def describe_statics(columns: FoundColumns, statics: Sequence[StaticValues]) -> list[str]:
    """A note on how the static columns are read."""
    by_column = zip(columns.static, zip(*statics, strict=True), strict=True)
    kinds = [
        f"{len(set(values)):,} categories of {name!r}" if name in columns.categorical else repr(name)
        for name, values in by_column
    ]
    return [f"static columns: {', '.join(kinds)}"] if kinds else []


def constant_statics(statics: Sequence[StaticValues], names: Sequence[str]) -> list[str]:
    """A warning on static columns with one value in all series, if there are any."""
    by_column = zip(names, zip(*statics, strict=True), strict=True)
    constant = [name for name, values in by_column if len(set(values)) == 1]
    if not constant:
        return []
    return [f"static columns without influence, with one value in all series: {name_some(constant)}"]


def unseen_statics(
    statics: Sequence[StaticValues], names: Sequence[str], learned: Sequence[Scale | Categories]
) -> list[str]:
    """Warnings on categories of static columns that are not in the training set."""
    warnings = []
    for name, one, values in zip(names, learned, zip(*statics, strict=True), strict=True):
        new = one.new(map(str, values)) if isinstance(one, Categories) else []
        if new:
            warnings.append(
                f"categories of the static column {name!r} that are not in the training set count as unseen: "
                f"{name_some(new)}"
            )
    return warnings


def learn_statics(statics: Sequence[StaticValues], names: Sequence[str]) -> tuple[Scale | Categories, ...]:
    """The scale or the categories of each static column, over the series of a training set.

    Raises: `GatewiseError` if a column has too many categories.
    """
    learned: list[Scale | Categories] = []
    for name, values in zip(names, zip(*statics, strict=True), strict=True):
        if isinstance(values[0], str):
            found = sorted(set(values))
            require_few(found, name, MAX_STATIC_CATEGORIES)
            learned.append(Categories(tuple(found)))
        else:
            learned.append(learn_scale(np.array(values)))
    return tuple(learned)


def static_inputs(statics: Sequence[StaticValues], learned: Sequence[Scale | Categories]) -> np.ndarray:
    """[series, S]: scaled numbers, and for each category an input of 0 or 1, the last one if it is new.

    >>> static_inputs([(3.0, "b"), (1.0, "new")], [Scale(2.0, 1.0), Categories(("a", "b"))]).tolist()
    [[1.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 1.0]]
    """
    inputs = [
        one.indicators(values) if isinstance(one, Categories) else one.apply(np.array(values))[:, None]
        for one, values in zip(learned, zip(*statics, strict=True), strict=True)
    ]
    return np.concatenate(inputs, axis=1) if inputs else np.empty((len(statics), 0))


def category_columns(learned: Sequence[Scale | Categories]) -> list[slice]:
    """The columns of inputs of each static column of categories."""
    found, end = [], 0
    for one in learned:
        if not isinstance(one, Categories):
            end += 1
            continue
        found.append(slice(end, end + len(one.categories) + 1))
        end = found[-1].stop
    return found
