"""Labels of a classifier whose examples have any number of them: as arrays [N, L], or as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.memory.label_sets import indicator_array, is_indicators, is_label_sets, label_lists
from gatewise.data.memory.labels import names_of
from gatewise.errors import GatewiseError


class LabelForm:
    """How a model has sets of labels.

    preprocessing: of the saved model; classes: the L labels, in the types of the user

    >>> columns = {"targets": ["0", "1"], "label_separator": None}
    >>> form = LabelForm({"columns": columns, "classes": ["0", "1"]}, np.arange(2))
    >>> form.as_fitted([{0, 1}, set()]).tolist()
    [[1, 1], [0, 0]]
    """

    def __init__(self, preprocessing: Mapping[str, Any], classes: np.ndarray) -> None:
        self._columns: Sequence[str] = preprocessing["columns"]["targets"]
        self._separator: str | None = preprocessing["columns"]["label_separator"]
        self._names: Sequence[str] = preprocessing["classes"]
        self._classes = classes

    def predicted(self, frame: pl.DataFrame) -> Any:
        """The labels in a table of predictions: an array [N, L] if it has a column for each, or lists."""
        if len(self._columns) > 1:
            return frame.select(self._names).to_numpy()
        labels = dict(zip(self._names, self._classes.tolist(), strict=True))
        cells = frame[self._columns[0]]
        sets = cells if self._separator is None else cells.str.split(self._separator)
        return [[labels[name] for name in one if name] for one in sets.to_list()]

    def as_fitted(self, y: Any) -> Any:
        """Labels of other data in the form of those that the model was fitted on."""
        indicators = self.indicators(y)
        if len(self._columns) > 1:
            return indicators
        return [self._classes[row > 0].tolist() for row in indicators]

    def indicators(self, y: Any) -> np.ndarray:
        """Labels as an array [N, L]. Raises: `GatewiseError` if there is another label, or one for each."""
        count = len(self._names)
        if is_indicators(y):
            found = indicator_array(y)
            if found.shape[1] != count:
                raise GatewiseError(
                    f"expected labels as an array [N, {count}] as in training, got {list(found.shape)}"
                )
            return found
        if not is_label_sets(y):
            raise GatewiseError(f"expected labels as an array [N, {count}], or as lists or sets")
        lists, numbers = label_lists(y), {name: number for number, name in enumerate(self._names)}
        found = np.zeros((len(lists), count), int)
        for row, one in enumerate(lists):
            for name in names_of(one):
                if name not in numbers:
                    raise GatewiseError(
                        f"y[{row}]: the label {name!r} was not in training; it had {', '.join(self._names)}"
                    )
                found[row, numbers[name]] = 1
        return found
