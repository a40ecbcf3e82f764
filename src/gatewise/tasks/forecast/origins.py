"""Forecasts from rolling origins over the end of each series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch

from gatewise.data.series.series_set import SeriesSet
from gatewise.data.series.windows import Windows
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.coherence import coherence_after
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.forecaster import Forecaster
from gatewise.tasks.forecast.lengths import MIN_PAST
from gatewise.tasks.forecast.metrics import Forecasts, forecast_windows
from gatewise.tasks.forecast.origin_windows import windows_after
from gatewise.tasks.forecast.reconciliation import Coherence

Coherences = Mapping[str, Coherence]  # by the name of a forecaster


@dataclass(frozen=True)
class Rolling:
    """Where the windows of a backtest lie: at the end of each series, the last one ends with it.

    windows: K, the number of origins; horizon: Q; step: from one origin to the next, in steps of the series
    """

    windows: int
    horizon: int
    step: int

    def ends(self, steps: int) -> np.ndarray:
        """[K]: the steps before each origin of a series, ascending.

        >>> Rolling(windows=3, horizon=4, step=2).ends(20)
        array([12, 14, 16])
        """
        return steps - self.horizon - self.step * np.arange(self.windows)[::-1]

    @property
    def overlap(self) -> int:
        """The number of later origins whose horizon begins before that of an origin ends.

        >>> [Rolling(5, horizon=4, step=step).overlap for step in (1, 2, 3, 4)]
        [3, 1, 1, 0]
        """
        return -(-self.horizon // self.step) - 1


@dataclass(frozen=True)
class Candidate:
    """A trained network and the baselines, with the data that they were fitted to.

    forecasters: by name, the network first
    """

    forecasters: Mapping[str, Forecaster]
    data: ForecastData


@dataclass(frozen=True)
class Residuals:
    """The values minus the median forecasts of the next step, in the units of the data.

    series, end, values: [M], the number of the series, the steps before the origin, the residual, which is
        NaN where a value is missing
    """

    series: np.ndarray
    end: np.ndarray
    values: np.ndarray

    @staticmethod
    def joined(parts: Sequence[Residuals]) -> Residuals:
        """All of them, ordered by series and time."""
        series, end, values = (
            np.concatenate([getattr(one, name) for one in parts]) for name in ("series", "end", "values")
        )
        order = np.lexsort((end, series))
        return Residuals(series[order], end[order], values[order])


@dataclass(frozen=True)
class OriginForecasts:
    """Forecasts of N windows, in the units of the data.

    series, window, end: [N], the number of the series, that of the origin, and the steps before the origin
    truth: [N, Q], NaN where a value is missing; quantiles: [N, Q, n] of each forecaster, by name
    """

    series: np.ndarray
    window: np.ndarray
    end: np.ndarray
    truth: np.ndarray
    quantiles: Mapping[str, np.ndarray]

    @staticmethod
    def joined(parts: Sequence[OriginForecasts]) -> OriginForecasts:
        """All of them, ordered by series and window, of the forecasters that all have."""
        series, window, end, truth = (
            np.concatenate([getattr(one, name) for one in parts])
            for name in ("series", "window", "end", "truth")
        )
        names = [name for name in parts[0].quantiles if all(name in one.quantiles for one in parts)]
        order = np.lexsort((window, series))
        quantiles = {name: np.concatenate([one.quantiles[name] for one in parts])[order] for name in names}
        return OriginForecasts(series[order], window[order], end[order], truth[order], quantiles)


def before_window(source: SeriesSet, rolling: Rolling, window: int, together: bool = False) -> SeriesSet:
    """The series up to an origin: the target and the observed covariates end there; known ones stay.

    together: whether all end with the earliest of their origins, so that none is known at times that are
        later than the origin of another; series that are too short to train on are not counted
    """
    ends = [max(int(rolling.ends(len(one))[window]), 0) for one in source.series]
    if together:
        shortest = 3 * rolling.horizon + MIN_PAST  # a horizon in each set
        long = [(one, end) for one, end in zip(source.series, ends, strict=True) if end >= shortest]
        earliest = min((one.times[end - 1] for one, end in long), default=None)
        if earliest is not None:
            known = [int((one.times <= earliest).sum()) for one in source.series]
            ends = [min(pair) for pair in zip(ends, known, strict=True)]
    series = []
    for one, end in zip(source.series, ends, strict=True):
        past = {name: getattr(one, name)[:end] for name in ("target", "observed", "filled")}
        series.append(replace(one, **past))
    return replace(source, series=tuple(series))


def times_at(source: SeriesSet, series: np.ndarray, steps: np.ndarray) -> pl.Series:
    """The times of steps of series. series: their numbers, ascending; steps: from 0"""
    borders = np.flatnonzero(np.diff(series)) + 1
    parts = zip(np.split(series, borders), np.split(steps, borders), strict=True)
    return pl.concat([source.series[numbers[0]].times.gather(own) for numbers, own in parts])


def windows_before(source: SeriesSet, data: ForecastData, ends: Sequence[np.ndarray]) -> Windows:
    """The windows whose horizon begins after the first `ends` steps of a series, scaled as `data` are.

    ends: of each series, as many as it has windows

    Raises: `GatewiseError` if `data` have other series.
    """
    if [series.id for series in source.series] != [series.id for series in data.source.series]:
        raise GatewiseError("a series is too short for a later training: give more data, or fewer --windows")
    return windows_after(source, data.plan, data.learned, ends)


def coherences_before(candidate: Candidate, source: SeriesSet, steps: int) -> Coherences:
    """How the forecasts of each forecaster add up, from errors before an origin; none without a hierarchy.

    steps: before the origin, of every series
    """
    if not source.columns.hierarchy:
        return {}
    data = candidate.data
    return {
        name: coherence_after(source, steps, data.plan, data.learned, network, data.reconciliation)
        for name, network in candidate.forecasters.items()
    }


def forecast_origins(
    candidate: Candidate,
    source: SeriesSet,
    ends: Sequence[np.ndarray],
    first_window: int,
    coherences: Coherences,
) -> OriginForecasts:
    """The forecasts of a candidate from origins of each series; those of a hierarchy add up.

    ends: [K] of each series, the steps before its origins; first_window: the number of the first origin
    coherences: by `coherences_before`
    """
    data = candidate.data
    windows = windows_before(source, data, ends)
    quantiles = {
        name: data.undo(forecast_windows(one, windows), windows.series).numpy()
        for name, one in candidate.forecasters.items()
    }
    for name, coherence in coherences.items():
        median = candidate.forecasters[name].median_index
        quantiles[name] = coherence.applied(quantiles[name], median, data.plan.support)
    series, end = windows.series.numpy(), np.concatenate(ends)
    horizon = np.arange(data.plan.horizon)
    truth = [one.given[own[:, None] + horizon] for one, own in zip(source.series, ends, strict=True)]
    window = np.concatenate([first_window + np.arange(len(own)) for own in ends])
    return OriginForecasts(series, window, end, np.concatenate(truth), quantiles)


def one_step_residuals(
    candidate: Candidate, source: SeriesSet, ends: Sequence[np.ndarray], coherences: Coherences
) -> Residuals:
    """The residuals of a candidate's network at the first step after origins; those of a hierarchy add up.

    ends: the steps before the origins of each series; coherences: by `coherences_before`
    """
    data, (name, network) = candidate.data, next(iter(candidate.forecasters.items()))
    windows = windows_before(source, data, ends)
    numbers, medians = [], []
    for batch, quantiles in Forecasts(network, windows, data, coherences.get(name)).blocks():
        numbers.append(batch.series)
        medians.append(quantiles[:, 0, network.median_index])
    by_series = torch.cat(numbers).argsort(stable=True)  # blocks of a hierarchy have windows of each series
    truth = [series.given[own] for series, own in zip(source.series, ends, strict=True)]
    values = np.concatenate(truth) - torch.cat(medians)[by_series].numpy()
    return Residuals(windows.series.numpy(), np.concatenate(ends), values)
