"""A step of a series as networks read it, and the models that have one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaled_table import SeriesScaling, Support
from gatewise.data.series.scaling import Scale
from gatewise.data.tables.columns import FoundColumns
from gatewise.shipping.series_inputs import SeriesInputs, SeriesScale, mask_inputs, scale_values
from gatewise.shipping.stepwise import Stepwise

CAUSAL_FILLS = (None, "forward", "zero", "mask")  # those that read nothing outside a window


class SeriesRows(nn.Module):
    """Scales the raw row of a step: the target, what `SeriesInputs` knows in advance, observed covariates.

    learned: the scales of a trained model; columns: of its data
    fill: how a missing target, NaN, is replaced; None if none may be missing
    """

    inputs: SeriesInputs
    fill: str | None
    width: int

    def __init__(self, learned: SeriesScaling, columns: FoundColumns, fill: str | None) -> None:
        super().__init__()
        self.inputs, self.fill = SeriesInputs(learned, columns), fill
        self.width = 1 + self.inputs.ahead + len(self.inputs.observed)

    def forward(
        self, raw: Tensor, scale: SeriesScale, last: Tensor, since: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """A raw row [B, width] -> the scaled row [B, 1 + C + D], and the time since the last value [B].

        last: [B], the scaled target of the step before; since: as returned by the step before
        """
        target, ahead, mask = raw[:, 0], raw[:, 1 : 1 + self.inputs.ahead], None
        scaled, missing = scale.apply(target), target.isnan()
        if self.fill == "zero":
            scaled = scale.apply(torch.where(missing, 0.0, target))
        elif self.fill is not None:
            scaled = torch.where(missing, last.to(scaled.dtype), scaled)
        if since is not None:
            since = torch.where(missing, since + (ahead[:, 0] if self.inputs.irregular else 1), 0.0)
            mask = mask_inputs(missing, since)
        observed = raw[:, 1 + self.inputs.ahead :]
        return self.inputs.rows(scaled, self.inputs.known_inputs(ahead), observed, mask), since


class SeriesStepwise(Stepwise):
    """A step of a model of series, which has the scale of a series as a state. form: of its data"""

    form: SeriesForm

    @abstractmethod
    def scale_of(self, values: np.ndarray) -> Scale:
        """The scale of a series that is not in the training set. Raises: `GatewiseError`."""

    @abstractmethod
    def static_state(self, frame: pl.DataFrame) -> Tensor:
        """The state of a series with some rows of its static columns, [1, S]. Raises: `GatewiseError`."""


class SeriesForm(Protocol):
    """How a model of series reads them: the preprocessing of its task."""

    @property
    def learned(self) -> SeriesScaling: ...
    @property
    def columns(self) -> FoundColumns: ...
    @property
    def step(self) -> str: ...
    @property
    def fill(self) -> str | None: ...
    @property
    def time_format(self) -> str | None: ...
    @property
    def time_zone(self) -> str | None: ...


def describe_series(form: SeriesForm, horizon: int, support: Support = "real") -> dict[str, Any]:
    """The input of a model of series, as plain data."""
    learned, columns = form.learned, form.columns
    names = (*columns.known, *columns.observed)
    pairs = zip(names, learned.covariates, strict=True)
    categories = {name: list(one.categories) for name, one in pairs if isinstance(one, Categories)}
    return {
        "kind": "series",
        "dtype": "float64",
        "target": columns.target,
        "time": columns.time,
        "time_format": form.time_format,
        "time_zone": form.time_zone,
        "id": list(columns.id_names),
        "step": form.step,
        "unit_of_time": learned.unit_of_time,
        "cycles": list(learned.cycles),
        "known": list(columns.known),
        "observed": list(columns.observed),
        "static": list(columns.static),
        "categories": categories,
        "horizon": horizon,
        "missing": form.fill,
        "support": support,
        "scales": dict(zip(learned.series, scale_values(learned.series.values()).tolist(), strict=True)),
    }
