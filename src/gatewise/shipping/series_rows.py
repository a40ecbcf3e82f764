"""A step of a series as networks read it: raw values scaled, in the order of `scaled_table`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaled_table import SeriesScaling, Support
from gatewise.data.series.scaling import LogScale, Scale
from gatewise.data.tables.columns import FoundColumns
from gatewise.shipping.stepwise import Stepwise

CAUSAL_FILLS = (None, "forward", "zero", "mask")  # those that read nothing outside a window


class SeriesRows(nn.Module):
    """Scales the raw row of a step: the target, times, known and observed covariates.

    A category is its place among those of the training set, -1 for none; time inputs are the time since the
    step before, if times are irregular, then sines and cosines of the calendar.

    Args:
        learned: the scales of a trained model
        columns: of its data
        fill: how a missing target, NaN, is replaced; None if none may be missing
    """

    def __init__(self, learned: SeriesScaling, columns: FoundColumns, fill: str | None) -> None:
        super().__init__()
        self.fill, self.masked, self.irregular = fill, learned.masked, learned.unit_of_time > 0
        self.times = 2 * len(learned.cycles) + self.irregular
        known = len(columns.known)
        self.known = nn.ModuleList(map(RawCovariate, learned.covariates[:known]))
        self.observed = nn.ModuleList(map(RawCovariate, learned.covariates[known:]))
        self.has_logarithms = any(isinstance(one, LogScale) for one in learned.series.values())
        self.ahead = self.times + known  # raw numbers of a step that are known in advance
        self.width = 1 + self.ahead + len(self.observed)

    def scaled(self, target: Tensor, scale: Tensor) -> Tensor:
        """The target [B] in the units of its series. scale: [B, 3], see `scale_state`"""
        mean, deviation, unit = scale.unbind(1)
        if self.has_logarithms:
            divisor = torch.where(unit > 0, unit, 1)
            target = torch.where(unit > 0, (target / divisor).log(), target)
        return (target - mean) / deviation

    def undo(self, scaled: Tensor, scale: Tensor) -> Tensor:
        """Scaled values [B, ...] in the unit of the data, in double precision."""
        shape = (-1, *[1] * (scaled.dim() - 1))
        mean, deviation, unit = (one.reshape(shape) for one in scale.unbind(1))
        values = scaled.double() * deviation + mean
        if not self.has_logarithms:
            return values
        return torch.where(unit > 0, torch.where(unit > 0, values, 0).exp() * unit, values)

    def forward(
        self, raw: Tensor, scale: Tensor, last: Tensor, since: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """A raw row [B, width] -> the scaled row [B, 1 + C + D], and the time since the last value [B].

        last: [B], the scaled target of the step before; since: as returned by the step before
        """
        target = raw[:, 0]
        scaled, missing = self.scaled(target, scale), target.isnan()
        if self.fill == "zero":
            scaled = self.scaled(torch.where(missing, 0.0, target), scale)
        elif self.fill is not None:
            scaled = torch.where(missing, last.to(scaled.dtype), scaled)
        ahead, observed = raw[:, 1 : 1 + self.ahead], raw[:, 1 + self.ahead :].unbind(1)
        parts = [scaled.unsqueeze(1), self.future(ahead)]
        parts += [one(values) for one, values in zip(self.observed, observed, strict=True)]
        if since is not None:
            since = torch.where(missing, since + (raw[:, 1] if self.irregular else 1), 0.0)
            parts.append(torch.stack([(~missing).to(raw.dtype), since.log1p()], dim=1))
        return torch.cat(parts, dim=1), since

    def future(self, raw: Tensor) -> Tensor:
        """What is known in advance of steps, raw [..., ahead] -> scaled [..., C]."""
        times = raw[..., : self.times]
        if self.irregular:
            times = torch.cat([times[..., :1].log1p(), times[..., 1:]], dim=-1)
        known = raw[..., self.times :].unbind(-1)
        return torch.cat(
            [times, *(one(values) for one, values in zip(self.known, known, strict=True))], dim=-1
        )


class RawCovariate(nn.Module):
    """A covariate [...] as inputs [..., K]: a scaled number, or 0 and 1 for each category."""

    places: Tensor

    def __init__(self, learned: Scale | Categories) -> None:
        super().__init__()
        is_category = isinstance(learned, Categories)
        self.scale = None if isinstance(learned, Categories) else (learned.mean, learned.deviation)
        count = len(learned.categories) if isinstance(learned, Categories) else 0
        self.register_buffer(
            "places", torch.arange(count).double() if is_category else None, persistent=False
        )

    def forward(self, values: Tensor) -> Tensor:
        if self.scale is None:
            return (values.unsqueeze(-1) == self.places).to(values.dtype)
        mean, deviation = self.scale
        return ((values - mean) / deviation).unsqueeze(-1)


class SeriesStepwise(Stepwise):
    """A step of a model of series, which has the scale of a series as a state. form: of its data"""

    form: SeriesForm

    @abstractmethod
    def scale_of(self, values: np.ndarray) -> Scale:
        """The scale of a series that is not in the training set. Raises: `GatewiseError`."""

    @abstractmethod
    def static_state(self, frame: pl.DataFrame) -> Tensor:
        """The state of a series with some rows of its static columns, [1, S]. Raises: `GatewiseError`."""


def scale_state(scale: Scale) -> Tensor:
    """[1, 3]: the mean and the deviation of a series, and the unit of its logarithms, 0 for none."""
    unit = scale.unit if isinstance(scale, LogScale) else 0.0
    return torch.tensor([[scale.mean, scale.deviation, unit]], dtype=torch.float64)


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
        "scales": {name: scale_state(one)[0].tolist() for name, one in learned.series.items()},
    }


def first_scale(scales: Sequence[Scale]) -> Tensor:
    """The scale before a series is chosen: that of the first one."""
    return scale_state(scales[0])
