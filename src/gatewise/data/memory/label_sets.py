"""Sets of labels of examples in memory: 0/1 arrays [N, L], or lists of lists or sets of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import issparse

from gatewise.data.memory.arrays import LABEL, as_array, is_array
from gatewise.data.memory.labels import names_of, values_of
from gatewise.errors import GatewiseError

SETS = (list, tuple, set, frozenset)


def is_label_sets(y: Any) -> bool:
    """Whether labels are sets, one for each example.

    They are an array of numbers [N, L] with several columns, or a list of lists or sets. A list of lists of
    one label each is a column [N, 1].

    >>> is_label_sets(np.zeros((5, 2))), is_label_sets([["a"], []]), is_label_sets([["a"], ["b"]])
    (True, True, False)
    """
    if is_indicators(y):
        return True
    sets = _sets(y)
    return any(isinstance(one, set | frozenset) or len(one) != 1 for one in sets)


def is_indicators(y: Any) -> bool:
    """Whether labels are an array of numbers [N, L], dense or sparse, with several columns.

    >>> is_indicators(np.zeros((5, 2))), is_indicators(np.zeros((5, 1))), is_indicators([["a"], []])
    (True, False, False)
    """
    if not (is_array(y) or issparse(y) or (hasattr(y, "__array__") and hasattr(y, "columns"))):
        return False
    array = y if issparse(y) else as_array(y)
    return array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "biuf"


def indicator_array(y: Any) -> np.ndarray:
    """Labels [N, L] as 0 and 1. Raises: `GatewiseError` with the place of any other value.

    >>> indicator_array(np.array([[True, False]]))
    array([[1, 0]])
    """
    array = y.toarray() if issparse(y) else as_array(y)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise GatewiseError(
            f"y[{row}, {column}] is {array[row, column]}: expected 0 or 1 in an array [N, L] of labels"
        )
    return array.astype(int)


def label_lists(y: Any) -> list[list[Any]]:
    """The labels of each example of a list of lists or sets.

    Raises: `GatewiseError` if an entry is neither, or they may be rows of an array of 0 and 1.

    >>> label_lists([("a", "b"), []])
    [['a', 'b'], []]
    """
    sets = _sets(y)
    if len(sets) != len(y):
        wrong = next(number for number, one in enumerate(values_of(y)) if not isinstance(one, SETS))
        raise GatewiseError(f"y[{wrong}] is {values_of(y)[wrong]!r}: expected a list or a set of labels")
    are_rows = all(isinstance(one, list | tuple) and len(one) == len(sets[0]) > 1 for one in sets)
    if are_rows and all(label in (0, 1) for one in sets for label in one):
        raise GatewiseError(
            "y is a list of lists of 0 and 1: give np.array(y) if each is a row of an array [N, L], or sets "
            "if these are labels"
        )
    return [values_of(list(one)) for one in sets]


def label_columns(y: Any) -> pl.DataFrame:
    """The labels as columns: one of 0 and 1 for each label of an array, or one of lists.

    >>> label_columns(np.array([[1, 0], [1, 1]])).columns, label_columns([{"b"}, {"b", "a"}]).rows()
    (['0', '1'], [(['b'],), (['a', 'b'],)])
    """
    if is_indicators(y):
        array = indicator_array(y)
        return pl.DataFrame({str(number): array[:, number] for number in range(array.shape[1])})
    lists = label_lists(y)
    names = iter(names_of([label for one in lists for label in one]))
    named = [sorted(next(names) for _ in one) for one in lists]
    return pl.DataFrame({LABEL: pl.Series(named, dtype=pl.List(pl.String))})


def distinct_labels(y: Any) -> tuple[Any, ...]:
    """The distinct labels: the numbers of the columns of an array, or those that occur in lists.

    >>> distinct_labels(np.zeros((5, 2))), distinct_labels([{"b"}, {"b", "a"}])
    ((0, 1), ('a', 'b'))
    """
    if is_indicators(y):
        return tuple(range(y.shape[1]))
    labels = dict.fromkeys(label for one in label_lists(y) for label in one)
    names = names_of(list(labels))
    return tuple(label for _, label in sorted(zip(names, labels, strict=True), key=lambda one: one[0]))


def _sets(y: Any) -> Sequence[Any]:
    """The entries that are lists or sets."""
    is_collection = isinstance(y, list | tuple) or str(getattr(y, "dtype", "")) in ("object", "List")
    return [one for one in values_of(y) if isinstance(one, SETS)] if is_collection else []
