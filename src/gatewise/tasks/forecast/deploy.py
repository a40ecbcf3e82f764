"""Forecasts from raw values: scales, calendar, covariates and calibration inside one module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaled_table import SeriesScaling
from gatewise.data.series.scaling import LogScale, Scale
from gatewise.errors import GatewiseError
from gatewise.modules.heads import QuantileHead
from gatewise.shipping.deployed import Deployed, Field
from gatewise.tasks.forecast.calendar_inputs import calendar_inputs
from gatewise.tasks.forecast.data import Preprocessing
from gatewise.tasks.forecast.forecaster import HeadedForecaster
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

Covariates = Sequence[tuple[str, Scale | Categories]]  # by the name of the column


class DeployedForecast(Deployed):
    """The quantiles of each step of the horizon, in the units of the data.

    network: as it was trained; preprocessing: of its data
    """

    mean: Tensor
    deviation: Tensor
    unit: Tensor

    def __init__(self, network: HeadedForecaster, preprocessing: Preprocessing) -> None:
        scaling, columns, plan = preprocessing.learned, preprocessing.columns, preprocessing.plan
        self.cycles, self.known = scaling.cycles, len(columns.known)
        names = (*columns.known, *columns.observed)
        self.covariates = list(zip(names, scaling.covariates, strict=True))
        self.statics = list(zip(columns.static, scaling.statics, strict=True))
        super().__init__(
            _inputs(preprocessing, self.covariates, self.statics),
            [
                Field(
                    "quantiles", "float64", ("batch", plan.horizon, len(network.quantile_levels)),
                    f"quantiles of {columns.target!r} at each step of the horizon, in the order of `levels`",
                )
            ],
            _description(network, preprocessing),
        )  # fmt: skip
        self.network, self.context = network.eval(), plan.context
        scales = list(scaling.series.values())
        units = [one.unit if isinstance(one, LogScale) else 0.0 for one in scales]  # 0 without logarithms
        for name, values in (
            ("mean", [one.mean for one in scales]), ("deviation", [one.deviation for one in scales]),
            ("unit", units),
        ):  # fmt: skip
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

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
    ) -> tuple[Tensor]:
        """The quantiles [B, Q, n], NaN for a number of a series that does not exist."""
        mean, deviation, unit = self._scales(target, series)
        logarithms = (target / unit.where(unit > 0, 1.0)).log()
        scaled = (torch.where(unit > 0, logarithms, target) - mean) / deviation
        ahead = list(_calendar(times, self.cycles))
        ahead += _inputs_of(self.covariates[: self.known], known, known_categories)
        past = _inputs_of(self.covariates[self.known :], observed, observed_categories)
        window = [scaled.unsqueeze(-1), *(one[:, : self.context] for one in ahead), *past]
        future = [one[:, self.context :] for one in ahead]
        rows = target.new_zeros(target.shape[0], self.network.shape.horizon, 0)
        raw = self.network(
            torch.cat(window, dim=-1).float(),
            torch.cat([rows, *future], dim=-1).float(),
            torch.cat([rows[:, 0], *_static_inputs(self.statics, static, static_categories)], -1).float(),
        )
        quantiles = self.network.quantiles(raw).double() * deviation.unsqueeze(-1) + mean.unsqueeze(-1)
        unit = unit.unsqueeze(-1)
        return (torch.where(unit > 0, quantiles.exp() * unit, quantiles),)

    def _scales(self, target: Tensor, series: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """The mean, the standard deviation and the unit of logarithms of each row, [B, 1] each."""
        if series is None:
            given = [one.expand(target.shape[0], 1) for one in (self.mean, self.deviation, self.unit)]
            return given[0], given[1], given[2]
        exists = (series >= 0) & (series < len(self.mean))
        place = series.where(exists, 0)
        mean = self.mean[place].where(exists, torch.nan)
        return mean[:, None], self.deviation[place][:, None], self.unit[place][:, None]

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        rows = sizes["batch"]
        place = torch.randint(len(self.mean), (rows,), generator=random)
        found: dict[str, Tensor] = {}
        for field in self.inputs:
            shape = tuple(rows if axis == "batch" else int(axis) for axis in field.axes)
            drawn = torch.randn(shape, generator=random, dtype=torch.float64)
            if field.name == "target":
                scaled = self.mean[place, None] + self.deviation[place, None] * drawn
                unit = self.unit[place, None]
                found["target"] = torch.where(unit > 0, scaled.exp() * unit, scaled)
            elif field.name == "series":
                found["series"] = place
            elif field.name == "times":
                first = torch.randint(10**9, (rows, 1), generator=random)
                found["times"] = first + 86_400 * torch.arange(shape[1])
            elif field.dtype == "int64":
                found[field.name] = torch.randint(-1, 3, shape, generator=random)
            else:
                found[field.name] = _plausible(drawn, self._scales_of(field.name))
        return found

    def _scales_of(self, name: str) -> list[Scale]:
        """The scales of the columns of an input of numbers."""
        columns = {
            "known": self.covariates[: self.known],
            "observed": self.covariates[self.known :],
            "static": self.statics,
        }[name]
        return [one for _, one in columns if isinstance(one, Scale)]


def deployed(model: SavedModel) -> DeployedForecast:
    """The deployed form of a model, or of the one that was trained on all data.

    Raises: `GatewiseError` if it has a part that can't be exported.
    """
    model = model.for_use
    preprocessing, network = load_preprocessing(Preprocessing, model), model.network
    reason = _obstacle(network, preprocessing.learned, bool(preprocessing.columns.hierarchy))
    if reason:
        raise GatewiseError(f"this forecaster can't be exported: {reason}")
    assert isinstance(network, HeadedForecaster)
    return DeployedForecast(network, preprocessing)


def _obstacle(network: object, scaling: SeriesScaling, has_hierarchy: bool) -> str | None:
    if not isinstance(network, HeadedForecaster):
        return "it is a baseline; give a network"
    if not isinstance(network.head, QuantileHead):
        return f"the quantiles of {type(network.head).__name__} need scipy; train it with --head quantiles"
    if has_hierarchy:
        return "forecasts of a hierarchy are reconciled over all series; train it without --hierarchy"
    if scaling.masked:
        return "it reads which values are missing (--fill mask); train it with --fill linear"
    if scaling.unit_of_time:
        return "it reads times that are irregular; train it on a regular series"
    return None


def _inputs(preprocessing: Preprocessing, covariates: Covariates, statics: Covariates) -> list[Field]:
    plan, columns, scaling = preprocessing.plan, preprocessing.columns, preprocessing.learned
    steps = plan.context + plan.horizon
    fields = [
        Field(
            "target", "float64", ("batch", plan.context),
            f"the last {plan.context} values of {columns.target!r}, the latest last; a shorter history is "
            "preceded by copies of its first value",
        )
    ]  # fmt: skip
    if len(scaling.series) > 1:
        fields.append(Field("series", "int64", ("batch",), "the place of the series among `series`, from 0"))
    if scaling.cycles:
        about = "the times of the history and of the horizon on the data's clock, in seconds since 1970-01-01"
        fields.append(Field("times", "int64", ("batch", steps), about))
    known = len(columns.known)
    for name, length, of in (
        ("known", steps, covariates[:known]),
        ("observed", plan.context, covariates[known:]),
        ("static", 0, statics),
    ):
        axes: tuple[str | int, ...] = ("batch", length) if length else ("batch",)
        numbers = [column for column, one in of if isinstance(one, Scale)]
        categories = [column for column, one in of if isinstance(one, Categories)]
        if numbers:
            fields.append(Field(name, "float64", (*axes, len(numbers)), f"the columns {', '.join(numbers)}"))
        if categories:
            about = f"the place of each value among `categories` of {', '.join(categories)}; -1 for any other"
            fields.append(Field(f"{name}_categories", "int64", (*axes, len(categories)), about))
    return fields


def _description(network: HeadedForecaster, preprocessing: Preprocessing) -> dict[str, Any]:
    plan, columns, scaling = preprocessing.plan, preprocessing.columns, preprocessing.learned
    names = (*columns.known, *columns.observed, *columns.static)
    learned = (*scaling.covariates, *scaling.statics)
    return {
        "task": "forecast",
        "target": columns.target,
        "time": columns.time,
        "step": preprocessing.step,
        "context": plan.context,
        "horizon": plan.horizon,
        "levels": list(network.quantile_levels),
        "series": list(scaling.series),
        "fill": preprocessing.fill,
        "categories": {
            name: list(one.categories)
            for name, one in zip(names, learned, strict=True)
            if isinstance(one, Categories)
        },
    }


def _calendar(times: Tensor | None, cycles: Sequence[str]) -> Iterator[Tensor]:
    if times is not None and cycles:
        yield calendar_inputs(times, cycles)


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
