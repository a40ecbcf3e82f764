"""Sets of labels of examples in memory: 0/1 arrays or tables [N, L], or lists of lists or sets of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import issparse

from gatewise.data.memory.arrays import LABEL, as_array, is_array
from gatewise.data.memory.frames import is_column, is_frame, to_polars
from gatewise.data.memory.labels import check_labels, names_of, values_of
from gatewise.data.memory.pandas_frames import is_pandas
from gatewise.errors import GatewiseError

SETS = (list, tuple, set, frozenset)


def is_label_sets(y: Any) -> bool:
    """Whether labels are sets, one for each example.

    They are numbers [N, L] with several columns, or a list of lists or sets. A list of lists of one label
    each is a column [N, 1].

    >>> is_label_sets(np.zeros((5, 2))), is_label_sets([["a"], []]), is_label_sets([["a"], ["b"]])
    (True, True, False)
    """
    if is_indicators(y):
        return True
    sets = _sets(y)
    return any(isinstance(one, set | frozenset) or len(one) != 1 for one in sets)


def are_lists(y: Any) -> bool:
    """Whether labels are a list or an array of lists or sets, which may have one label each.

    >>> are_lists([["a"], ["b"]]), are_lists(["a", "b"])
    (True, False)
    """
    return bool(_sets(y))


def is_indicators(y: Any) -> bool:
    """Whether labels are an array or a table of numbers [N, L], dense or sparse, with several columns.

    >>> is_indicators(np.zeros((5, 2))), is_indicators(np.zeros((5, 1))), is_indicators([["a"], []])
    (True, False, False)
    """
    if (frame := _label_frame(y)) is not None:
        return frame.width > 1 and all(one.is_numeric() or one == pl.Boolean for one in frame.dtypes)
    if not (is_array(y) or issparse(y)):
        return False
    array = y if issparse(y) else as_array(y)
    return array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "biuf"


def indicator_names(y: Any) -> tuple[Any, ...]:
    """The labels of an array or a table of numbers [N, L]: the names of its columns, or their numbers.

    >>> indicator_names(np.zeros((5, 2))), indicator_names(pl.DataFrame({"rain": [1], "snow": [0]}))
    ((0, 1), ('rain', 'snow'))
    """
    if (frame := _label_frame(y)) is None:
        return tuple(range(y.shape[1]))
    names = list(y.columns) if is_pandas(y) else frame.columns
    check_labels(names, "label {number} of y")
    return tuple(names) if all(isinstance(name, int) for name in names) else tuple(frame.columns)


def indicator_array(y: Any) -> np.ndarray:
    """Labels [N, L] as 0 and 1. Raises: `GatewiseError` with the place of any other value.

    >>> indicator_array(np.array([[True, False]]))
    array([[1, 0]])
    """
    frame = _label_frame(y)
    if frame is not None:
        array = frame.select(pl.all().cast(pl.Float64)).to_numpy()
    else:
        array = y.toarray() if issparse(y) else as_array(y)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        place = column if frame is None else repr(frame.columns[column])
        raise GatewiseError(
            f"y[{row}, {place}] is {array[row, column]}: expected 0 or 1 in an array [N, L] of labels"
        )
    return array.astype(int)


def label_lists(y: Any) -> list[list[Any]]:
    """The labels of each example of a list of lists or sets.

    Raises: `GatewiseError` if an entry is neither, or they may be rows of an array of 0 and 1.

    >>> label_lists([("a", "b"), []])
    [['a', 'b'], []]
    """
    sets, entries = _sets(y), values_of(y)
    if len(sets) != len(entries):
        wrong = next(number for number, one in enumerate(entries) if _labels_in(one) is None)
        raise GatewiseError(f"y[{wrong}] is {entries[wrong]!r}: expected a list or a set of labels")
    are_rows = all(isinstance(one, list | tuple) and len(one) == len(sets[0]) > 1 for one in sets)
    if are_rows and all(label in (0, 1) for one in sets for label in one):
        raise GatewiseError(
            "y is a list of lists of 0 and 1: give np.array(y) if each is a row of an array [N, L], or sets "
            "if these are labels"
        )
    return [values_of(list(one)) for one in sets]


def label_columns(y: Any) -> pl.DataFrame:
    """The labels as columns: one of 0 and 1 for each label of an array or a table, or one of lists.

    Raises: `GatewiseError` if one is not as expected.

    >>> label_columns(np.array([[1, 0], [1, 1]])).columns, label_columns([{"b"}, {"b", "a"}]).rows()
    (['0', '1'], [(['b'],), (['a', 'b'],)])
    """
    if is_indicators(y):
        columns = zip(indicator_names(y), indicator_array(y).T, strict=True)
        return pl.DataFrame({str(name): column for name, column in columns})
    lists = label_lists(y)
    names = iter(names_of([label for one in lists for label in one]))
    named = [sorted(next(names) for _ in one) for one in lists]
    return pl.DataFrame({LABEL: pl.Series(named, dtype=pl.List(pl.String))})


def distinct_labels(y: Any) -> tuple[Any, ...]:
    """The distinct labels: those of the columns of an array or a table, or those that occur in lists.

    >>> distinct_labels(np.zeros((5, 2))), distinct_labels([{"b"}, {"b", "a"}])
    ((0, 1), ('a', 'b'))
    """
    if is_indicators(y):
        return indicator_names(y)
    labels = dict.fromkeys(label for one in label_lists(y) for label in one)
    names = names_of(list(labels))
    return tuple(label for _, label in sorted(zip(names, labels, strict=True), key=lambda one: one[0]))


def _label_frame(y: Any) -> pl.DataFrame | None:
    """Labels that are a table, without the index of pandas; None if they are none."""
    if not is_frame(y) or is_column(y):
        return None
    return to_polars(y.reset_index(drop=True) if is_pandas(y) else y)


def _sets(y: Any) -> Sequence[Any]:
    """The entries that are lists or sets."""
    kind = str(getattr(y, "dtype", ""))
    is_collection = isinstance(y, list | tuple) or kind == "object" or kind.startswith("List")
    sets = map(_labels_in, values_of(y)) if is_collection else ()
    return [one for one in sets if one is not None]


def _labels_in(entry: Any) -> Any:
    """An entry that is a list, a set or an array of labels; None for any other."""
    if is_array(entry) and entry.ndim == 1:
        return values_of(entry)
    return entry if isinstance(entry, SETS) else None
