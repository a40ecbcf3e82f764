"""Predictions of a model in the server: what arrives together is predicted by one call where it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.estimators.batches import columns_together
from gatewise.plain import one_line
from gatewise.serving.refusals import RequestError
from gatewise.tasks.prediction import Prediction

TOGETHER = "predicted by one call with other requests"
TYPED = (pl.Boolean, pl.Date, pl.Datetime)  # nothing about their cells, or about numbers, is guessed
MISTAKES = (  # of data in forms that no file has, such as lists in cells
    TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)  # fmt: skip


class _Group:
    """Requests that one call predicts. is_open: whether others can be added; ids: of their series"""

    def __init__(self, first: Any, is_open: bool) -> None:
        self.is_open, self.form = is_open, _form(first)
        self.places: list[int] = []
        self.ids: set[Any] = set()

    def takes(self, data: Any, ids: set[Any] | None) -> bool:
        """Whether data fit: of the same form, and of other series."""
        if not self.is_open or ids is None:
            return False
        return _form(data) == self.form and self.ids.isdisjoint(ids)


class RequestPredictor:
    """Predicts for tables, and for lists of examples."""

    def __init__(self, model: Estimator) -> None:
        self._model = model
        try:
            self._together: tuple[str, ...] | None = columns_together(model.model_)
        except GatewiseError:
            self._together = None  # tables are predicted as a whole
        columns = model.model_.preprocessing.get("columns")
        times = columns if isinstance(columns, Mapping) else {}
        self._times = {times.get("time"), *(times.get("time_source") or ())}

    def predict(self, data: Any) -> Prediction:
        """The prediction for data. Raises: `GatewiseError` if they are not as expected."""
        try:
            return self._model.prediction(data)
        except GatewiseError:
            raise
        except MISTAKES as error:
            kind = type(self._model).__name__
            raise RequestError(422, f"these are no data of a {kind}: {one_line(error)}") from error

    def predict_each(self, requests: Sequence[Any]) -> list[Prediction | Exception]:
        """The prediction for each of several tables or lists, by one call for those that fit together."""
        groups: list[_Group] = []
        for place, data in enumerate(requests):
            ids = self._ids(data)
            own = next((one for one in groups if one.takes(data, ids)), None)
            if own is None:
                own = _Group(data, is_open=ids is not None)
                groups.append(own)
            own.places.append(place)
            own.ids |= ids or set()
        found: dict[int, Prediction | Exception] = {}
        for group in groups:
            given = [requests[place] for place in group.places]
            found.update(zip(group.places, self._of_group(given), strict=True))
        return [found[place] for place in range(len(requests))]

    def _ids(self, data: Any) -> set[Any] | None:
        """The series of a table, none of examples; None for data that are predicted by themselves."""
        if isinstance(data, list):
            return set() if _are_alike(data) else None
        if self._together is None or any(name not in data.columns for name in self._together):
            return None
        if not all(self._is_read_by_cell(name, dtype) for name, dtype in data.schema.items()):
            return None
        return set(data.select(self._together).unique().rows()) if self._together else set()

    def _is_read_by_cell(self, name: str, dtype: pl.DataType) -> bool:
        """Whether a cell is read alike whatever other cells its column has.

        The form of numbers, times and decimals of ids is recognized from a whole column, which would then
        contain the cells of another client.
        """
        if name in (self._together or ()):
            return dtype == pl.String or dtype.is_integer()
        if name in self._times:
            return dtype in (pl.Date, pl.Datetime)
        return dtype.is_numeric() or dtype in TYPED

    def _of_group(self, group: Sequence[Any]) -> list[Prediction | Exception]:
        """The prediction for each of several requests, by one call if none of them is refused."""
        if len(group) > 1:
            try:
                if isinstance(group[0], list):
                    return _divided(self.predict([one for own in group for one in own]), group)
                whole = self.predict(pl.concat(group))
                return _by_series(whole, group, self._together) if self._together else _divided(whole, group)
            except GatewiseError:
                pass  # one of them is refused, or there is no row for each example
        return [self._predicted(own) for own in group]

    def _predicted(self, data: Any) -> Prediction | Exception:
        try:
            return self.predict(data)
        except GatewiseError as error:
            return error


def _form(data: Any) -> Any:
    """The columns of a table, or the depth of the first example of a list, 0 of texts and numbers."""
    if not isinstance(data, list):
        return data.schema
    depth, one = 0, data[0] if data else None
    while isinstance(one, list):
        depth, one = depth + 1, one[0] if one else None
    return depth, isinstance(one, str)


def _are_alike(examples: Sequence[Any]) -> bool:
    """Whether all examples are texts, or none contains one: what is in between is recognized as a whole."""
    if all(isinstance(one, str) for one in examples):
        return True
    level: Sequence[Any] = examples
    while level:
        if any(isinstance(one, str) for one in level):
            return False
        level = [one for own in level if isinstance(own, list) for one in own]
    return True


def _by_series(
    whole: Prediction, tables: Sequence[pl.DataFrame], ids: Sequence[str]
) -> list[Prediction | Exception]:
    """The rows of the series of each table. Raises: `GatewiseError` if something was said about some."""
    if whole.warnings or any(name not in whole.frame.columns for name in ids):
        raise GatewiseError("expected predictions by id")
    parts = [whole.frame.join(one, on=ids, how="semi", maintain_order="left") for one in tables]
    if sum(one.height for one in parts) != whole.frame.height:
        raise GatewiseError("expected each prediction once")
    return [Prediction(one, TOGETHER, whole.text_column, whole.time_format) for one in parts]


def _divided(whole: Prediction, group: Sequence[Any]) -> list[Prediction | Exception]:
    """The rows of each of a group, whose ids begin anew. Raises: `GatewiseError` if examples have several."""
    sizes = list(map(len, group))
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
        parts.append(Prediction(frame, TOGETHER, whole.text_column, whole.time_format))
        first += size
    return parts
