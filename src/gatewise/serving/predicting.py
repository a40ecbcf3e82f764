"""Predictions of a model in the server: lists of arrays or texts that arrive together are one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.plain import one_line
from gatewise.serving.refusals import RequestError
from gatewise.tasks.prediction import Prediction

MISTAKES = (  # of data in forms that no file has, such as lists in cells
    TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)  # fmt: skip


class Predictor:
    """Predicts for tables, and for lists of examples."""

    def __init__(self, model: Estimator) -> None:
        self._model = model

    def predict(self, data: Any) -> Prediction:
        """The prediction for data. Raises: `GatewiseError` if they are not as expected."""
        try:
            return self._model.prediction(data)
        except GatewiseError:
            raise
        except MISTAKES as error:
            kind = type(self._model).__name__
            raise RequestError(422, f"these are no data of a {kind}: {one_line(error)}") from error

    def predict_each(self, lists: Sequence[list[Any]]) -> list[Prediction | Exception]:
        """The prediction for each of several lists of examples, by one call if they fit together."""
        if len(lists) > 1:
            try:
                return _divided(self.predict([one for own in lists for one in own]), list(map(len, lists)))
            except GatewiseError:
                pass  # one of them is refused, or there is no row for each example
        return [self._predicted(own) for own in lists]

    def _predicted(self, data: list[Any]) -> Prediction | Exception:
        try:
            return self.predict(data)
        except GatewiseError as error:
            return error


def _divided(whole: Prediction, sizes: Sequence[int]) -> list[Prediction | Exception]:
    """The rows of each list, whose ids begin anew. Raises: `GatewiseError` if examples have several rows."""
    if whole.frame.height != sum(sizes) or whole.warnings:
        raise GatewiseError("expected a row for each example")
    parts: list[Prediction | Exception] = []
    first = 0
    for size in sizes:
        frame = whole.frame.slice(first, size)
        name = frame.columns[0]
        numbered = pl.Series(name, [str(number) for number in range(first, first + size)])
        if frame[name].dtype == pl.String and frame[name].equals(numbered):
            frame = frame.with_columns(pl.Series(name, [str(number) for number in range(size)]))
        parts.append(Prediction(frame, whole.about, whole.text_column, whole.time_format))
        first += size
    return parts
