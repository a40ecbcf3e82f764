"""Windows of series from raw values: scales, calendar and covariates, for every task of series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaled_table import SeriesScaling
from gatewise.data.series.scaling import LogScale, Scale
from gatewise.shipping.deployed import Field, without_missing
from gatewise.shipping.series_rows import SeriesForm
from gatewise.tasks.calendar_inputs import calendar_inputs

Covariates = Sequence[tuple[str, Scale | Categories]]  # by the name of the column


class SeriesScale(NamedTuple):
    """Of each row [B, 1]: the mean, the standard deviation, and the unit of logarithms, 0 without them."""

    mean: Tensor
    deviation: Tensor
    unit: Tensor

    def apply(self, target: Tensor) -> Tensor:
        """Values [B, T] in the units of the data, scaled."""
        logarithms = (target / self.unit.where(self.unit > 0, 1.0)).log()
        return (torch.where(self.unit > 0, logarithms, target) - self.mean) / self.deviation

    def undo(self, scaled: Tensor) -> Tensor:
        """Scaled values [B, ...] in the units of the data."""
        shape = (-1, *[1] * (scaled.dim() - 1))
        mean, deviation, unit = (one.reshape(shape) for one in self)
        values = scaled.double() * deviation + mean
        return torch.where(unit > 0, values.exp() * unit, values)


@dataclass(frozen=True)
class Window:
    """The input of a network, scaled.

    target: [B, T]; past: [B, L, 1 + C + D]; future: [B, Q, C]; static: [B, S]; scale: of each row
    """

    target: Tensor
    past: Tensor
    future: Tensor
    static: Tensor
    scale: SeriesScale


class WindowReader(nn.Module):
    """Scales raw windows as `scaled_table` scales a table.

    form: the preprocessing of a model
    context, horizon: the steps of the past, and those after it
    """

    mean: Tensor
    deviation: Tensor
    unit: Tensor

    def __init__(self, form: SeriesForm, context: int, horizon: int) -> None:
        super().__init__()
        learned, columns = form.learned, form.columns
        self.context, self.horizon, self.cycles = context, horizon, learned.cycles
        self.zone = form.time_zone
        names, known = (*columns.known, *columns.observed), len(columns.known)
        covariates = list(zip(names, learned.covariates, strict=True))
        self.known, self.observed = covariates[:known], covariates[known:]
        self.static = list(zip(columns.static, learned.statics, strict=True))
        scales = list(learned.series.values())
        units = [one.unit if isinstance(one, LogScale) else 0.0 for one in scales]
        for name, values in (
            ("mean", [one.mean for one in scales]),
            ("deviation", [one.deviation for one in scales]),
            ("unit", units),
        ):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

    def fields(self, target: Field) -> list[Field]:
        """The inputs: the target, and what the model reads beside it."""
        steps, fields = self.context + self.horizon, [target]
        if len(self.mean) > 1:
            about = "the place of the series among `series`, from 0; results of any other are NaN"
            fields.append(Field("series", "int64", ("batch",), about))
        if self.cycles:
            clock = f"in local time of {self.zone}" if self.zone else "on the data's clock"
            about = f"the times of all steps {clock}, in seconds since 1970-01-01 00:00:00 of that clock"
            fields.append(Field("times", "int64", ("batch", steps), about))
        for name, length, columns in (
            ("known", steps, self.known),
            ("observed", self.context, self.observed),
            ("static", 0, self.static),
        ):
            axes: tuple[str | int, ...] = ("batch", length) if length else ("batch",)
            numbers = [column for column, one in columns if isinstance(one, Scale)]
            texts = [column for column, one in columns if isinstance(one, Categories)]
            if numbers:
                about = f"the columns {', '.join(numbers)}"
                fields.append(Field(name, "float64", (*axes, len(numbers)), about))
            if texts:
                about = f"the places of {', '.join(texts)} among `categories`; -1 for any other"
                fields.append(Field(f"{name}_categories", "int64", (*axes, len(texts)), about))
        return fields

    def forward(
        self,
        target: Tensor,
        series: Tensor | None = None,
        times: Tensor | None = None,
        known: Tensor | None = None,
        known_categories: Tensor | None = None,
        observed: Tensor | None = None,
        observed_categories: Tensor | None = None,
        static: Tensor | None = None,
        static_categories: Tensor | None = None,
    ) -> Window:
        """The scaled window of a target [B, T], of which the first L steps are the past."""
        scale = self._scale(target, series)
        scaled, rows = scale.apply(target), target.new_zeros(target.shape[0], self.horizon, 0)
        ahead = [] if times is None else [calendar_inputs(times, self.cycles)]
        ahead += _inputs_of(self.known, known, known_categories)
        past = [scaled[:, : self.context].unsqueeze(-1), *(one[:, : self.context] for one in ahead)]
        past += _inputs_of(self.observed, observed, observed_categories)
        future = [rows, *(one[:, self.context :] for one in ahead)]
        statics = [rows[:, 0], *_static_inputs(self.static, static, static_categories)]
        inputs = [torch.cat(one, dim=-1).float() for one in (past, future, statics)]
        known_scale = SeriesScale(without_missing(scale.mean, _missing(inputs)), scale.deviation, scale.unit)
        return Window(scaled, inputs[0], inputs[1], inputs[2], known_scale)

    def _scale(self, target: Tensor, series: Tensor | None) -> SeriesScale:
        if series is None:
            return SeriesScale(
                *(one.expand(target.shape[0], 1) for one in (self.mean, self.deviation, self.unit))
            )
        exists = (series >= 0) & (series < self.mean.shape[0])
        place = series.where(exists, 0)
        mean = self.mean[place].where(exists, torch.nan)
        return SeriesScale(*(one[:, None] for one in (mean, self.deviation[place], self.unit[place])))

    def example(self, fields: Sequence[Field], rows: int, random: torch.Generator) -> dict[str, Tensor]:
        """Plausible values of inputs."""
        place = torch.randint(len(self.mean), (rows,), generator=random)
        found: dict[str, Tensor] = {}
        for field in fields:
            shape = tuple(rows if axis == "batch" else int(axis) for axis in field.axes)
            drawn = torch.randn(shape, generator=random, dtype=torch.float64)
            if field.name == "target":
                own = (one[place, None] for one in (self.mean, self.deviation, self.unit))
                found["target"] = SeriesScale(*own).undo(drawn)
            elif field.name == "series":
                found["series"] = place
            elif field.name == "times":
                first = torch.randint(10**9, (rows, 1), generator=random)
                found["times"] = first + 86_400 * torch.arange(shape[1])
            elif field.dtype == "int64":
                found[field.name] = torch.randint(-1, 3, shape, generator=random)
            else:
                columns: Covariates = getattr(self, field.name)
                found[field.name] = _plausible(drawn, [one for _, one in columns if isinstance(one, Scale)])
        return found


def series_obstacle(learned: SeriesScaling) -> str | None:
    """The reason why windows of series can't be read from raw values, or None."""
    if learned.masked:
        return "it reads which values are missing (--fill mask); train it with --fill linear"
    if learned.unit_of_time:
        return "it reads times that are irregular; train it on a regular series"
    return None


def described_series(form: SeriesForm) -> dict[str, Any]:
    """What stays outside of a model of series: names, the step, and the categories of columns."""
    columns, learned = form.columns, form.learned
    names = (*columns.known, *columns.observed, *columns.static)
    pairs = zip(names, (*learned.covariates, *learned.statics), strict=True)
    return {
        "target": columns.target,
        "time": columns.time,
        "time_zone": form.time_zone,
        "step": form.step,
        "fill": form.fill,
        "series": list(learned.series),
        "categories": {name: list(one.categories) for name, one in pairs if isinstance(one, Categories)},
    }


def _missing(inputs: Sequence[Tensor]) -> Tensor:
    """[B, N] bool, whether any number that the network reads is NaN."""
    return torch.cat([one.isnan().flatten(1) for one in inputs], dim=1)


def _inputs_of(columns: Covariates, numbers: Tensor | None, categories: Tensor | None) -> list[Tensor]:
    """What the network reads of columns, [..., K] each, in their order."""
    found, number, category = [], 0, 0
    for _, one in columns:
        if isinstance(one, Categories):
            assert categories is not None
            places = torch.arange(len(one.categories))
            found.append((categories[..., category, None] == places).double())
            category += 1
        else:
            assert numbers is not None
            found.append(((numbers[..., number] - one.mean) / one.deviation).unsqueeze(-1))
            number += 1
    return found


def _static_inputs(columns: Covariates, numbers: Tensor | None, categories: Tensor | None) -> list[Tensor]:
    """As `_inputs_of`; a category that is not in the training set has an input of its own, the last one."""
    found = []
    for (_, one), values in zip(columns, _inputs_of(columns, numbers, categories), strict=True):
        unseen = 1 - values.sum(-1, keepdim=True)
        found.append(torch.cat([values, unseen], dim=-1) if isinstance(one, Categories) else values)
    return found


def _plausible(drawn: Tensor, scales: Sequence[Scale]) -> Tensor:
    means, deviations = (
        torch.tensor([getattr(one, name) for one in scales], dtype=torch.float64)
        for name in ("mean", "deviation")
    )
    return drawn * deviations + means
