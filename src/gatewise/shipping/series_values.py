"""The values of a step of a series: each as the model was trained on them, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.series.categories import Categories, truth
from gatewise.data.series.filling import fill_missing
from gatewise.errors import GatewiseError
from gatewise.shipping.reading import column_of, number_of, require_finite, shown

NO_CATEGORY = -1.0
FILLED = ("forward", "zero")  # fills whose values count for the scale of a series


class SeriesValues:
    """Reads values of records. input: as `series_rows.describe_series`"""

    input: Mapping[str, Any]
    horizon: int
    categories: dict[str, Categories]

    def __init__(self, input: Mapping[str, Any]) -> None:
        self.input, self.horizon = input, input["horizon"]
        self.categories = {name: Categories(tuple(one)) for name, one in input["categories"].items()}

    def target(self, record: Mapping[str, Any], is_first: bool) -> float:
        """The target of a step, NaN if it is missing. Raises: `GatewiseError` if it can't be."""
        name = self.input["target"]
        value, missing = number_of(name, column_of(record, name)), self.input["missing"]
        if not isnan(value):
            return self._supported(require_finite(name, value))
        if missing is None:
            raise GatewiseError(
                f"the value of {name!r} is missing; give one, or train the model with fill='forward'"
            )
        if missing != "zero" and is_first:
            raise GatewiseError(f"the first value of {name!r} is missing; begin a series with one")
        return nan

    def _supported(self, value: float) -> float:
        """The value. Raises: `GatewiseError` if the distribution of the model does not have it."""
        support = self.input["support"]
        if support != "real" and (value < 0 or (support == "counts" and value != int(value))):
            kind = "a count" if support == "counts" else "a number that is not negative"
            name = self.input["target"]
            raise GatewiseError(f"expected {name!r} as {kind}, as the model has them, got {value:g}")
        return value

    def known(self, record: Mapping[str, Any], name: str) -> list[float]:
        """A known covariate at a step and at those of the horizon. Raises: `GatewiseError`."""
        values = column_of(record, name)
        values = values.tolist() if hasattr(values, "tolist") else values
        values = values if isinstance(values, list | tuple) or self.horizon else [values]
        if not isinstance(values, list | tuple) or len(values) != 1 + self.horizon:
            raise GatewiseError(
                f"expected {name!r} as {1 + self.horizon} values, of the step and of the {self.horizon} "
                f"steps after it, got {shown(values)}"
            )
        return [self.covariate(name, one) for one in values]

    def covariate(self, name: str, value: Any) -> float:
        """A number, or the place of a category."""
        if name in self.categories:
            return float(self.categories[name].places([str(value)])[0]) if value is not None else NO_CATEGORY
        if isinstance(value, str) and truth(value) is not None:
            return float(truth(value) or 0)
        number = number_of(name, value)
        if isnan(number):
            raise GatewiseError(f"expected {name!r} as a number, got {shown(value)}")
        return require_finite(name, number)

    def statics(self, records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        """The static columns of a series. Raises: `GatewiseError` if one is not in the first step."""
        columns = {}
        for name in self.input["static"]:
            column_of(records[0], name)
            cells = [one.get(name) for one in records]
            try:
                columns[name] = pl.Series(
                    cells, dtype=None if any(one is not None for one in cells) else pl.String
                )
            except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
                raise GatewiseError(
                    f"expected {name!r} as a number or a text, got {shown(cells[0])}"
                ) from error
        return pl.DataFrame(columns)

    def history(self, series: str, records: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """The values of a new series. Raises: `GatewiseError` if there are not several."""
        name = self.input["target"]
        values = np.array([number_of(name, column_of(one, name)) for one in records])
        known = np.flatnonzero(~np.isnan(values))
        if self.input["missing"] in FILLED and len(known):
            values = fill_missing(values[known[0] : known[-1] + 1], self.input["missing"])
        else:
            values = values[known]
        if len(values) < 2:
            raise GatewiseError(
                f"the series {series!r} is not in the training set: begin its stream with a list of its past "
                "steps, or a table of them, by which it is scaled"
            )
        return values
