"""Labels of examples in memory, of any type, as a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from gatewise.errors import GatewiseError


def values_of(labels: Any) -> list[Any]:
    """The Python objects of a list, an array, a tensor or a series.

    >>> import numpy as np
    >>> values_of(np.array([1, 2])), values_of(("a", np.str_("b")))
    ([1, 2], ['a', 'b'])
    """
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu()
    for name in ("tolist", "to_list", "to_pylist"):
        if hasattr(labels, name):
            found = getattr(labels, name)()
            return list(found)
    if hasattr(labels, "__array__"):
        return np.asarray(labels).tolist()
    return [one.item() if hasattr(one, "item") and not hasattr(one, "columns") else one for one in labels]


def label_column(labels: Any, count: int, examples: str) -> pl.Series:
    """One label per example, as a column of their type.

    examples: their name in the plural, for messages

    Raises: `GatewiseError` if there are not as many labels as examples, or one is missing or invalid.

    >>> label_column([3, 5], 2, "sequences").to_list()
    [3, 5]
    """
    given = values_of(labels)
    if len(given) != count:
        raise GatewiseError(f"there are {count} {examples} and {len(given)} labels")
    return check_labels(given)


def text_column(texts: Any, count: int, examples: str) -> pl.Series:
    """One text per example. Raises: `GatewiseError` if their number differs, or one is not a text."""
    given = values_of(texts)
    if len(given) != count:
        raise GatewiseError(f"there are {count} {examples} and {len(given)} texts")
    for number, one in enumerate(given):
        if not isinstance(one, str):
            raise GatewiseError(f"text {number}: expected a string, got {type(one).__name__}")
    return pl.Series(given, dtype=pl.String)


def check_labels(given: Sequence[Any], place: str = "label {number}") -> pl.Series:
    """Labels as a column, those of mixed types as texts.

    place: of a label, with its `{number}`, for messages

    Raises: `GatewiseError` if a label is missing, a collection, or a text with surrounding spaces.
    """
    for number, one in enumerate(given):
        where = place.format(number=number)
        if one is None or one != one or type(one).__name__ in ("NAType", "NaTType"):
            raise GatewiseError(f"{where} is missing; give one for each example")
        if isinstance(one, list | tuple | dict):
            raise GatewiseError(f"{where}: expected one text or number, got {one!r}")
        if isinstance(one, str) and (not one or one != one.strip()):
            raise GatewiseError(f"{where} is {one!r}; give a label without surrounding spaces")
    try:
        column = pl.Series(given, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        column = pl.Series([str(one) for one in given], dtype=pl.String)
    is_known = column.dtype.is_numeric() or column.dtype in (pl.String, pl.Boolean, pl.Null)
    return column if is_known else pl.Series([str(one) for one in given], dtype=pl.String)


def names_of(labels: Any) -> list[str]:
    """The class names of labels.

    >>> names_of([True, False]), names_of([1, 2])
    (['true', 'false'], ['1', '2'])
    """
    return check_labels(values_of(labels)).cast(pl.String).to_list()
