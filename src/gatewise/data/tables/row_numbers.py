"""Recognition of columns of row numbers, which other programs write."""

from __future__ import annotations

import re

import polars as pl

UNNAMED = re.compile(r"|unnamed: ?\d+|__index_level_\d+__|level_0")  # the index of pandas and of R
ENOUGH = 20  # consecutive numbers that make a column one of row numbers, whatever its name
USUAL = (
    "index", "idx", "row", "row_id", "rowid", "row_number", "rownumber", "rownames", "nr", "no", "no.", "#",
)  # fmt: skip


def is_unnamed(name: str) -> bool:
    """Whether a column has a name that pandas or R gives to an index.

    >>> is_unnamed(""), is_unnamed("Unnamed: 0"), is_unnamed("id")
    (True, True, False)
    """
    return bool(UNNAMED.fullmatch(name.strip().lower()))


def counts_rows(name: str, values: pl.Series) -> bool:
    """Whether a column counts many rows from 0 or 1; one with the name of an index may have gaps.

    >>> counts_rows("x", pl.Series(range(1, 30))), counts_rows("x", pl.Series([3, 5, 9]))
    (True, False)
    >>> counts_rows("index", pl.Series([3, 5, 9])), counts_rows("index", pl.Series([0.5, 0.1]))
    (True, False)
    """
    if values.dtype == pl.String:
        values = values.str.strip_chars()
    elif not values.dtype.is_numeric():
        return False
    numbers = values.cast(pl.Float64, strict=False)
    whole = numbers.null_count() == 0 and numbers.is_finite().all() and (numbers == numbers.round()).all()
    if len(numbers) < 2 or not whole:
        return False
    steps = numbers.diff().drop_nulls()
    if name.strip().lower() in USUAL:
        return bool((steps > 0).all())
    return len(numbers) >= ENOUGH and numbers[0] in (0, 1) and bool((steps == 1).all())
