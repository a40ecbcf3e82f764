"""Labels of a classifier whose examples have any number of them: as arrays [N, L], or as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.memory.frames import is_frame
from gatewise.data.memory.label_sets import (
    are_lists,
    indicator_array,
    indicator_names,
    is_indicators,
    label_lists,
)
from gatewise.data.memory.labels import names_of
from gatewise.errors import GatewiseError


class LabelForm:
    """How a model has sets of labels.

    preprocessing: of the saved model; classes: the L labels, in the types of the user

    >>> columns = {"targets": ["0", "1"], "label_separator": None}
    >>> form = LabelForm({"columns": columns, "classes": ["0", "1"]}, np.arange(2))
    >>> form.as_fitted([{0, 1}, set()]).rows()
    [(1, 1), (0, 0)]
    """

    def __init__(self, preprocessing: Mapping[str, Any], classes: np.ndarray) -> None:
        columns = preprocessing["columns"] or {}  # a file of arrays has none
        self._column: str | None = columns["targets"][0] if len(columns.get("targets", ())) == 1 else None
        self._separator: str | None = columns.get("label_separator")
        self._names: Sequence[str] = preprocessing["classes"]
        self._classes = classes

    def predicted(self, frame: pl.DataFrame) -> Any:
        """The labels in a table of predictions: an array [N, L] if it has a column for each, or lists."""
        if self._column is None:
            return frame.select(self._names).to_numpy()
        labels = dict(zip(self._names, self._classes.tolist(), strict=True))
        cells = frame[self._column]
        sets = cells if self._separator is None else cells.str.split(self._separator)
        return [[labels[name] for name in one if name] for one in sets.to_list()]

    def as_fitted(self, y: Any) -> Any:
        """Labels of other data in the form of those that the model was fitted on: a table, or lists."""
        indicators = self.indicators(y)
        if self._column is None:
            return pl.DataFrame(indicators, schema=list(self._names))
        return [self._classes[row > 0].tolist() for row in indicators]

    def indicators(self, y: Any) -> np.ndarray:
        """Labels as an array [N, L]. Raises: `GatewiseError` if there is another label, or one for each."""
        if is_indicators(y):
            return self._in_order(y)
        if not are_lists(y):
            raise GatewiseError(
                f"expected labels as an array [N, {len(self._names)}], or as lists or sets, got "
                f"{type(y).__name__}"
            )
        lists, numbers = label_lists(y), {name: number for number, name in enumerate(self._names)}
        found = np.zeros((len(lists), len(self._names)), int)
        for row, one in enumerate(lists):
            for name in names_of(one):
                if name not in numbers:
                    raise GatewiseError(
                        f"y[{row}]: the label {name!r} was not in training; it had {', '.join(self._names)}"
                    )
                found[row, numbers[name]] = 1
        return found

    def _in_order(self, y: Any) -> np.ndarray:
        """The columns of an array or a table, in the order of the model's labels. Raises: `GatewiseError`."""
        found, expected = indicator_array(y), list(self._names)
        if not is_frame(y):  # columns without names are in the order of `classes_`
            if found.shape[1] != len(expected):
                raise GatewiseError(
                    f"expected labels as an array [N, {len(expected)}] as in training, got "
                    f"{list(found.shape)}"
                )
            return found
        names = [str(name) for name in indicator_names(y)]
        if sorted(names) != sorted(expected):
            raise GatewiseError(
                f"expected a column for each label of the training, {', '.join(expected)}, got "
                f"{', '.join(names)}"
            )
        return found[:, [names.index(name) for name in expected]]
