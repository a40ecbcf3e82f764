"""Further markers of empty cells in columns of numbers, such as -999."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from gatewise.data.tables.names import name_some


def is_marked(cells: pl.Series, markers: tuple[str, ...]) -> pl.Series:
    """Whether each cell of a column has one of the markers, as a text in any case or as a number.

    >>> is_marked(pl.Series(["-999", "-999.0", "9", "missing"]), ("-999", "Missing")).to_list()
    [True, True, False, True]
    """
    numbers = [number for number in map(_number, markers) if number is not None]
    if cells.dtype.is_integer():
        numbers = [number for number in numbers if number == round(number)]
    if cells.dtype.is_numeric():
        values = pl.Series(numbers, dtype=pl.Float64).cast(cells.dtype, strict=False).drop_nulls()
        found = cells.is_in(values.implode())
    elif cells.dtype == pl.String:
        texts = cells.str.strip_chars()
        found = texts.str.to_lowercase().is_in([marker.lower() for marker in markers])
        found |= texts.cast(pl.Float64, strict=False).is_in(numbers).fill_null(False)
    else:
        found = pl.repeat(False, len(cells), eager=True)
    return found.fill_null(False)


def describe_markers(markers: tuple[str, ...], counts: Mapping[str, int]) -> tuple[str, ...]:
    """A note on the cells that were read as empty because of a marker, if there are markers.

    counts: the number of these cells, by column

    >>> describe_markers(("-999",), {"a": 3, "b": 0})
    ("empty cells marked by -999: 3 (column 'a')",)
    """
    if not markers:
        return ()
    names = [name for name, count in counts.items() if count]
    columns = f" (column{'s' * (len(names) > 1)} {name_some(names)})" if names else ""
    return (f"empty cells marked by {', '.join(markers)}: {sum(counts.values()):,}{columns}",)


def _number(marker: str) -> float | None:
    try:
        number = float(marker)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
