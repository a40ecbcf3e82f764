"""Series ready for forecasting: split by time, scaled, cut into windows; how a model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.filling import Fill
from gatewise.data.series.scaled_table import (
    SeriesScaling,
    scaled_table,
    scaled_truth,
    static_table,
)
from gatewise.data.series.scaling import LogScale
from gatewise.data.series.series import read_series
from gatewise.data.series.series_set import Series, SeriesSet
from gatewise.data.series.statics import category_columns, constant_statics
from gatewise.data.series.step import Step
from gatewise.data.series.windows import StaticInputs, Windows, window_starts
from gatewise.data.splits import Fractions
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.times.formats import format_time, time_order
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.errors import RankingMetric
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.lengths import long_enough
from gatewise.tasks.forecast.plan import WindowPlan, complete_plan, with_held_out
from gatewise.tasks.forecast.reconciliation import Reconciliation
from gatewise.tasks.preprocessing import options_of_training

MAX_VALIDATION_WINDOWS = 2048


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads series."""

    plan: WindowPlan
    learned: SeriesScaling
    columns: FoundColumns
    step: str
    fill: Fill | None = None
    time_format: str | None = None
    season: int = 0
    time_zone: str | None = None
    metric: RankingMetric = "mase"
    reconciliation: Reconciliation = "mint"

    def series(self, path: Path) -> SeriesSet:
        """The series of a file. Raises: `GatewiseError` if their step is not that of the training data."""
        with options_of_training():
            source = read_series(
                path,
                self.columns,
                fill=self.fill,
                season=self.season,
                time_format=self.time_format,
                time_zone=self.time_zone,
                irregular=Step.named(self.step).is_irregular,
                step=Step.named(self.step),
            )
        if str(source.step) != self.step:
            raise GatewiseError(
                f"the model was trained on steps of {Step.named(self.step).words}; {path} has steps of "
                f"{source.step.words}"
            )
        return source


@dataclass(frozen=True)
class ForecastData:
    """Series ready for forecasting. The plan's context and period are not zero.

    validation: at most `MAX_VALIDATION_WINDOWS` windows of the validation set, drawn at random
    validation_total: the windows of the validation set
    metric: that ranks networks and baselines
    reconciliation: how the forecasts of a hierarchy are made to add up
    """

    plan: WindowPlan
    source: SeriesSet
    learned: SeriesScaling
    train: Windows
    validation: Windows
    test: Windows
    validation_total: int
    metric: RankingMetric = "mase"
    reconciliation: Reconciliation = "mint"

    def truth_of(self, series: Series) -> np.ndarray:
        """The target of a series, NaN where it is missing and masked."""
        return series.given if self.learned.masked else series.target

    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each series, [series] each."""
        scales = [self.learned.series[series.id] for series in self.source.series]
        return np.array([scale.mean for scale in scales]), np.array([scale.deviation for scale in scales])

    def undo(self, scaled: Tensor, series: Tensor) -> Tensor:
        """Scaled values [B, ...] in the units of the data, in double precision; series: [B]."""
        shape = (-1, *[1] * (scaled.ndim - 1))
        means, deviations, units = (one[series].view(shape) for one in self._scales)
        values = scaled.double() * deviations + means
        return torch.where(units > 0, values.exp() * units, values) if (units > 0).any() else values

    def undo_exactly(self, scaled: Tensor, series: Tensor) -> Tensor:
        """As `undo`, for values [B, Q] of the data: those that were zero are zero, without rounding."""
        means, deviations, units = (one[series].unsqueeze(-1) for one in self._scales)
        was_zero = (scaled == (-means / deviations).float()) & (units == 0)
        return torch.where(was_zero, 0.0, self.undo(scaled, series))

    @cached_property
    def _scales(self) -> tuple[Tensor, ...]:
        """Mean, standard deviation and unit of the logarithms (0 if none are taken) of each series."""
        scales = [self.learned.series[series.id] for series in self.source.series]
        units = [scale.unit if isinstance(scale, LogScale) else 0.0 for scale in scales]
        return (*map(torch.from_numpy, self.scales()), torch.tensor(units).double())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found in the data, the lengths of context and horizon, and the sizes of the splits."""
        plan = self.plan
        period = f"a period of {plan.period}" if plan.period > 1 else "no period"
        if plan.period > plan.context:
            period += ", longer than the context: no seasonal naive"
        logarithms = sum(isinstance(scale, LogScale) for scale in self.learned.series.values())
        if logarithms:
            period += f"; logarithms of {logarithms} series"
        if plan.normalization == "window":
            period += "; each window is scaled by its own mean and standard deviation"
        if plan.normalization == "mean":
            period += "; each window is scaled by its own mean"
        plan_note = (
            f"a step is {self.source.step.words}; a context of {plan.context} steps "
            f"and a horizon of {plan.horizon}; {period}"
        )
        return (*self.source.notes, plan_note, self._describe_split())

    def _describe_split(self) -> str:
        """The sizes of the splits, with their first times where there is one series."""
        first, second = self.plan.borders(len(self.source.series[0]))
        times = self.source.series[0].times
        validation = str(len(self.validation))
        if len(self.validation) < self.validation_total:
            validation += f" (a sample of {self.validation_total})"
        counts = (
            f"training set {len(self.train)}, validation set {validation}, test set {len(self.test)} windows"
        )
        if len(self.source.series) > 1:
            return f"{counts}; each of {len(self.source.series)} series is split by time"
        return (
            f"{counts}: validation from {format_time(times[first])}, test from {format_time(times[second])}"
        )


def prepare(source: SeriesSet, plan: WindowPlan, scaling: SeriesScaling | None = None) -> ForecastData:
    """Splits each series by time, learns scales on the training set, and cuts windows.

    Series that are too short for the horizon are left out.

    scaling: of a model trained before; None computes it here

    Raises: `GatewiseError` if every series is too short.
    """
    plan = with_held_out(plan, source)
    source = long_enough(source, plan.horizon, training=lambda steps: plan.borders(steps)[0])
    plan = complete_plan(plan, source)
    if all(np.ptp(series.target[: plan.borders(len(series))[0]]) == 0 for series in source.series):
        raise GatewiseError("the target is constant in the training set: there is nothing to learn")
    ends = [plan.borders(len(series))[0] for series in source.series]
    learned = plan.learn_scales(source, ends, scaling)
    source = source.warned(*learned.unseen(source))
    if scaling is None:
        learned = learned.seen_up_to(source, lambda steps: plan.borders(steps)[1])
        statics = [series.static for series in source.series]
        source = source.warned(*constant_statics(statics, source.columns.static))
    train, validation, test = _sets(source, plan, learned)
    sample = validation.sample(MAX_VALIDATION_WINDOWS)
    if learned.masked:
        for windows, name in ((train, "training"), (sample, "validation"), (test, "test")):
            if len(windows):
                _require_truth(windows, name)
    return ForecastData(plan, source, learned, train, sample, test, len(validation))


def _sets(source: SeriesSet, plan: WindowPlan, learned: SeriesScaling) -> list[Windows]:
    """The windows of the training, validation and test set."""
    paddings = [plan.padding(plan.borders(len(series))[0]) for series in source.series]
    bare = [scaled_table(series, learned) for series in source.series]
    tables = [_padded(table, padding) for table, padding in zip(bare, paddings, strict=True)]
    values, truth = torch.from_numpy(np.concatenate(tables)).float(), None
    if learned.masked:
        truths = [
            _padded(scaled_truth(table, series), padding)
            for table, series, padding in zip(bare, source.series, paddings, strict=True)
        ]
        truth = torch.from_numpy(np.concatenate(truths)).float()
    offsets = np.cumsum([0, *(len(table) for table in tables[:-1])])
    known, static = len(learned.known_inputs(source.columns)), static_inputs_of(source, learned)

    def cut(split: int) -> Windows:
        starts = []
        for series, padding in zip(source.series, paddings, strict=True):
            first, last = (0, *plan.borders(len(series)), len(series))[split : split + 2]
            starts.append(window_starts(padding + first, padding + last, plan.context, plan.horizon))
        rows = np.concatenate([first + offset for first, offset in zip(starts, offsets, strict=True)])
        numbers = np.repeat(np.arange(len(starts)), [len(first) for first in starts])
        places = torch.from_numpy(rows), torch.from_numpy(numbers)
        return Windows(values, *places, plan.context, plan.horizon, known, truth, static)

    return [cut(split) for split in range(3)]


def static_inputs_of(source: SeriesSet, scaling: SeriesScaling) -> StaticInputs:
    """The static inputs of the windows of series."""
    values = torch.from_numpy(static_table(source, scaling)).float()
    return StaticInputs(values, tuple(category_columns(scaling.statics)))


def _padded(values: np.ndarray, padding: int) -> np.ndarray:
    """Values with copies of the first one before it."""
    return np.pad(values, [(padding, 0)] + [(0, 0)] * (values.ndim - 1), mode="edge") if padding else values


def _require_truth(windows: Windows, name: str) -> None:
    """Raises: `GatewiseError` if every value at a step of the horizon is missing. name: of the set"""
    assert windows.truth is not None
    for step in range(windows.horizon):
        if windows.truth[windows.starts + windows.context + step].isnan().all():
            raise GatewiseError(
                f"every value of the {name} set at step {step + 1} of the horizon is missing; give more "
                "data, or --fill linear"
            )


def read_test_data(path: Path, preprocessing: Preprocessing) -> ForecastData:
    """Series to evaluate a model on.

    Raises: `GatewiseError` if the model has seen values of the test set in training.
    """
    source = preprocessing.series(path)
    data = prepare(source, preprocessing.plan, preprocessing.learned)
    data = replace(data, metric=preprocessing.metric, reconciliation=preprocessing.reconciliation)
    for series in data.source.series:
        start = series.times[data.plan.borders(len(series))[1]]
        last_seen = preprocessing.learned.seen.get(series.id)
        order = time_order(series.times)
        if last_seen is not None and order(format_time(start)) <= order(last_seen):
            raise GatewiseError(
                f"the test set of series {series.id!r} begins at {format_time(start)}, and the model has "
                f"seen values up to {last_seen}: give a file with later values"
            )
    return data


def read_further_data(path: Path, preprocessing: Preprocessing, metric: RankingMetric) -> ForecastData:
    """Series to train a model further on, scaled as those it was trained on; new series have own scales.

    A warning names a test set that the model has seen before.
    """
    data = prepare(preprocessing.series(path), preprocessing.plan, preprocessing.learned)

    def border(steps: int) -> int:
        return data.plan.borders(steps)[1]

    source = data.source.warned(*data.learned.overlap(data.source, border))
    learned = data.learned.seen_up_to(source, border)
    data = replace(data, metric=metric, reconciliation=preprocessing.reconciliation)
    return replace(data, source=source, learned=learned)


def all_data(data: ForecastData) -> ForecastData:
    """All series as a training set, scaled as those of `data`; the plan stays, for later data."""
    everything = prepare(data.source, replace(data.plan, fractions=Fractions(0, 0)), data.learned)
    learned = everything.learned.seen_up_to(everything.source, lambda steps: steps)
    return replace(
        everything,
        plan=data.plan,
        learned=learned,
        metric=data.metric,
        reconciliation=data.reconciliation,
    )


def shape_of(data: ForecastData) -> ForecastShape:
    """The sizes of a forecasting problem, from its data."""
    known = data.train.known
    observed = data.train.view.shape[1] - 1 - known
    static = 0 if data.train.static is None else data.train.static.values.shape[1]
    return ForecastShape(
        context=data.plan.context,
        horizon=data.plan.horizon,
        period=data.plan.period,
        known=known,
        observed=observed,
        static=static,
        irregular=data.source.step.is_irregular,
    )
