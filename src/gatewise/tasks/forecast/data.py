"""Series ready for forecasting: split by time, scaled, cut into windows; how a model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import torch

from gatewise.data.series.period import require_period
from gatewise.data.series.scaled_table import SeriesScaling, learn_scales, scaled_table
from gatewise.data.series.scaling import Scale
from gatewise.data.series.series import Series, SeriesSet, read_series
from gatewise.data.series.step import Step
from gatewise.data.series.windows import WindowBatch, Windows, window_starts
from gatewise.data.splits import Fractions, time_split
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.times.formats import format_time, time_order
from gatewise.errors import GatewiseError

LONGEST_USUAL_CONTEXT = 168
DEFAULT_FRACTIONS = Fractions(0.15, 0.15)
MAX_VALIDATION_WINDOWS = 2048


@dataclass(frozen=True)
class WindowPlan:
    """How series are split and cut into windows. A zero `context` or `period` is found from the data."""

    horizon: int
    context: int = 0
    period: int = 0
    fractions: Fractions = DEFAULT_FRACTIONS

    def borders(self, steps: int) -> tuple[int, int]:
        """The first steps of the validation set and of the test set of a series."""
        return time_split(steps, self.fractions, self.horizon)


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads series."""

    plan: WindowPlan
    learned: SeriesScaling
    columns: FoundColumns
    step: str
    fill: Literal["linear", "forward"] | None = None
    time_format: str | None = None

    def series(self, path: Path) -> SeriesSet:
        """The series of a file. Raises: `GatewiseError` if their step is not that of the training data."""
        source = read_series(path, self.columns, fill=self.fill, time_format=self.time_format)
        if str(source.step) != self.step:
            raise GatewiseError(
                f"the model was trained on steps of one {self.step}; {path} has steps of one {source.step}"
            )
        return source


@dataclass(frozen=True)
class ForecastData:
    """Series ready for forecasting. The plan's context and period are not zero.

    validation: at most `MAX_VALIDATION_WINDOWS` windows of the validation set, drawn at random
    validation_total: the windows of the validation set
    """

    plan: WindowPlan
    source: SeriesSet
    learned: SeriesScaling
    train: Windows
    validation: Windows
    test: Windows
    validation_total: int

    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each series, [series] each."""
        scales = [self.learned.series[series.id] for series in self.source.series]
        return np.array([scale.mean for scale in scales]), np.array([scale.deviation for scale in scales])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found in the data, the lengths of context and horizon, and the sizes of the splits."""
        plan = self.plan
        period = f"a period of {plan.period}" if plan.period > 1 else "no period"
        if plan.period > plan.context:
            period += ", longer than the context: no seasonal naive"
        plan_note = (
            f"a step is one {self.source.step}; a context of {plan.context} steps "
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

    scaling: of a model trained before; None computes it here

    Raises: `GatewiseError` if a series is too short for the context and horizon.
    """
    plan = complete_plan(plan, source)
    for series in source.series:
        _check_length(series, plan)
    if all(np.ptp(series.target[: plan.borders(len(series))[0]]) == 0 for series in source.series):
        raise GatewiseError("the target is constant in the training set: there is nothing to learn")
    trained_before = scaling is not None
    scaling = learn_scales(source, [plan.borders(len(series))[0] for series in source.series], scaling)
    if not trained_before:
        last_times = {
            series.id: format_time(series.times[plan.borders(len(series))[1] - 1]) for series in source.series
        }
        scaling = replace(scaling, seen=last_times)
    tables = [scaled_table(series, scaling) for series in source.series]
    values = torch.from_numpy(np.concatenate(tables)).float()
    offsets = np.cumsum([0, *(len(table) for table in tables[:-1])])
    known = tables[0].shape[1] - 1 - len(source.columns.observed)

    def cut(split: int) -> Windows:
        starts = []
        for series in source.series:
            first, last = (0, *plan.borders(len(series)), len(series))[split : split + 2]
            starts.append(window_starts(first, last, plan.context, plan.horizon))
        rows = np.concatenate([first + offset for first, offset in zip(starts, offsets, strict=True)])
        series_numbers = np.repeat(np.arange(len(starts)), [len(first) for first in starts])
        return Windows(
            values,
            torch.from_numpy(rows),
            torch.from_numpy(series_numbers),
            plan.context,
            plan.horizon,
            known,
        )

    validation = cut(1)
    sample = validation.sample(MAX_VALIDATION_WINDOWS)
    return ForecastData(plan, source, scaling, cut(0), sample, cut(2), len(validation))


def read_test_data(path: Path, preprocessing: Preprocessing) -> ForecastData:
    """Series to evaluate a model on.

    Raises: `GatewiseError` if the model has seen values of the test set in training.
    """
    source = preprocessing.series(path)
    data = prepare(source, preprocessing.plan, preprocessing.learned)
    for series in source.series:
        start = series.times[data.plan.borders(len(series))[1]]
        last_seen = preprocessing.learned.seen.get(series.id)
        order = time_order(series.times)
        if last_seen is not None and order(format_time(start)) <= order(last_seen):
            raise GatewiseError(
                f"the test set of series {series.id!r} begins at {format_time(start)}, and the model has "
                f"seen values up to {last_seen}: give a file with later values"
            )
    return data


def complete_plan(plan: WindowPlan, source: SeriesSet) -> WindowPlan:
    """The plan with its context and period found from the data where they are zero."""
    longest = max(source.series, key=len)
    training = max(plan.borders(len(longest))[0], 3)
    period = require_period(plan.period, longest.target, training, source.step)
    useful = min(max(2 * period, 3 * plan.horizon, 24), LONGEST_USUAL_CONTEXT)
    shortest = min(plan.borders(len(series))[0] for series in source.series)
    context = plan.context or max(min(useful, shortest // 2 - plan.horizon), 1)
    return replace(plan, context=context, period=period)


class LatestWindows(NamedTuple):
    """The last context of each series as one batch, the times to forecast, and the scales."""

    batch: WindowBatch
    times: list[pl.Series]
    scales: list[Scale]


def latest(source: SeriesSet, plan: WindowPlan, scaling: SeriesScaling) -> LatestWindows:
    """The last context of each series with the known covariates of the horizon, and the horizon's times.

    Raises: `GatewiseError` if a series is shorter than the context, or known covariates are not
    given for the whole horizon.
    """
    scaling = learn_scales(source, [len(series) for series in source.series], scaling)
    windows, times = [], []
    for series in source.series:
        if len(series) < plan.context:
            raise GatewiseError(
                f"series {series.id!r} has {len(series)} steps; the model has a context of {plan.context}"
            )
        rows_ahead = len(series.times) - len(series)
        if source.columns.known and rows_ahead < plan.horizon:
            raise GatewiseError(
                f"series {series.id!r} has {rows_ahead} rows beyond its last {source.columns.target!r}; "
                f"a horizon of {plan.horizon} needs {', '.join(source.columns.known)} for as many"
            )
        series = _extended(series, source.step, plan.horizon)
        rows = scaled_table(series, scaling)[len(series) - plan.context :]
        windows.append(torch.from_numpy(rows).float())
        times.append(series.times[len(series) :])
    stacked = torch.stack(windows)
    known = stacked.shape[-1] - len(source.columns.observed)
    past, future = stacked[:, : plan.context], stacked[:, plan.context :]
    batch = WindowBatch(past, future[:, :, 1:known], future[:, :, 0], torch.arange(len(windows)))
    return LatestWindows(batch, times, [scaling.series[series.id] for series in source.series])


def _extended(series: Series, step: Step, horizon: int) -> Series:
    """The series with times and known covariates for exactly the horizon beyond its end."""
    end = len(series) + horizon
    times = step.grid(series.times, end)
    known = np.pad(series.known[:end], ((0, max(end - len(series.known), 0)), (0, 0)))
    return replace(series, times=times, known=known)


def _check_length(series: Series, plan: WindowPlan) -> None:
    training = plan.borders(len(series))[0]
    needed = plan.context + plan.horizon
    if training < needed:
        raise GatewiseError(
            f"series {series.id!r} has {len(series)} steps, {max(training, 0)} of them in the training set; "
            f"a context of {plan.context} and a horizon of {plan.horizon} need {needed}: "
            "give more data, a shorter --horizon or a shorter --context"
        )
