"""Labels of examples in memory: of any type, as a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from gatewise.errors import GatewiseError


def values_of(labels: Any) -> list[Any]:
    """Labels, or texts, as a list of Python objects: of a list, an array, a tensor or a series.

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
    return [one.item() if hasattr(one, "item") and not hasattr(one, "columns") else one for one in labels]


def label_column(labels: Any, count: int, examples: str) -> pl.Series:
    """One label an example, in its own type.

    examples: what they are called, in the plural

    Raises: `GatewiseError` where there are not as many labels as examples, or one is missing or not usable.

    >>> label_column([3, 5], 2, "sequences").to_list()
    [3, 5]
    """
    given = values_of(labels)
    if len(given) != count:
        raise GatewiseError(f"there are {count} {examples} and {len(given)} labels")
    return check_labels(given)


def text_column(texts: Any, count: int, examples: str) -> pl.Series:
    """One text an example. Raises: `GatewiseError` where there are not as many, or one is no text."""
    given = values_of(texts)
    if len(given) != count:
        raise GatewiseError(f"there are {count} {examples} and {len(given)} texts")
    for number, one in enumerate(given):
        if not isinstance(one, str):
            raise GatewiseError(f"text {number}: expected a string, got {type(one).__name__}")
    return pl.Series(given, dtype=pl.String)


def check_labels(given: Sequence[Any], place: str = "label {number}") -> pl.Series:
    """Labels as a column; those of mixed types as texts. place: where one is, for messages."""
    for number, one in enumerate(given):
        where = place.format(number=number)
        if one is None or one != one or type(one).__name__ in ("NAType", "NaTType"):
            raise GatewiseError(f"{where} is missing")
        if isinstance(one, list | tuple | dict):
            raise GatewiseError(f"{where}: expected one text or number, got {one!r}")
        if isinstance(one, str) and (not one or one != one.strip()):
            raise GatewiseError(f"{where} is {one!r}; give a label without blanks around it")
    try:
        made = pl.Series(given, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        made = pl.Series([str(one) for one in given], dtype=pl.String)
    known = made.dtype.is_numeric() or made.dtype in (pl.String, pl.Boolean, pl.Null)
    return made if known else pl.Series([str(one) for one in given], dtype=pl.String)


def names_of(labels: Any) -> list[str]:
    """The names of the classes that a model makes of labels.

    >>> names_of([True, False]), names_of([1, 2])
    (['true', 'false'], ['1', '2'])
    """
    return check_labels(values_of(labels)).cast(pl.String).to_list()
