"""Runs a backtest: with a model that was trained before, or trained again at each origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gatewise.data.series.filling import CAUSAL
from gatewise.data.series.series_set import SeriesSet
from gatewise.data.times.formats import format_time, time_order
from gatewise.errors import GatewiseError
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.forecast.backtest import Backtest
from gatewise.tasks.forecast.baselines import PointForecast, Ridge
from gatewise.tasks.forecast.data import ForecastData, Preprocessing, all_data
from gatewise.tasks.forecast.forecaster import Forecaster
from gatewise.tasks.forecast.lengths import MIN_PAST
from gatewise.tasks.forecast.metrics import Forecasts
from gatewise.tasks.forecast.origins import (
    Candidate,
    OriginForecasts,
    Residuals,
    Rolling,
    before_window,
    coherences_before,
    forecast_origins,
    one_step_residuals,
)

RAGGED = "series end at different times: each training ends with the earliest of their origins"


def run_backtest(
    model: str,
    source: SeriesSet,
    rolling: Rolling,
    fit: Callable[[SeriesSet], Candidate],
    refit: bool,
    seen: Mapping[str, str],
) -> Backtest:
    """The forecasts of each origin by a candidate that knows nothing after it; short series are left out.

    model: the name of the network
    fit: returns a candidate for series that end with an origin: with the first one, or with each if `refit`
    seen: the last time of each series in the training and validation sets of the model
    """
    overlap = Overlap(0, "") if refit else find_overlap(source, rolling, seen)
    together = refit and is_ragged(source)
    source = source.warned(*overlap.warnings(rolling))
    candidate = _fit_before(source, rolling, 0, fit, together)
    kept = {series.id for series in candidate.data.source.series}
    source, _ = source.divided(lambda series: series.id in kept)
    ends = [rolling.ends(len(series)) for series in source.series]
    borders = [*range(rolling.windows if refit else 1), rolling.windows]
    forecasts, residuals, first_data = [], [], candidate.data
    reasons: dict[int, str] = {}
    for first, last in pairwise(borders):
        if first:
            candidate = _fit_before(source, rolling, first, fit, together)
        coherences = coherences_before(candidate, source, int(ends[0][first]))
        if whys := [one.why for one in coherences.values() if one.why]:
            reasons[first + 1] = whys[0]
        origins = [own[first:last] for own in ends]
        forecasts.append(forecast_origins(candidate, source, origins, first, coherences))
        between = [np.arange(own[first], [*own, own[-1] + 1][last]) for own in ends]
        residuals.append(one_step_residuals(candidate, source, between, coherences))
    return Backtest(
        model=model,
        levels=first_data.plan.levels,
        support=first_data.plan.support,
        source=source,
        period=first_data.plan.period,
        rolling=rolling,
        refit=refit,
        forecasts=OriginForecasts.joined(forecasts),
        one_step=Residuals.joined(residuals),
        notes=(_describe(source, rolling, refit), *((RAGGED,) if together else ())),
        warnings=(*first_data.source.warnings, *describe_sums(reasons, rolling, refit)),
        metric=first_data.metric,
        overlapping=overlap.windows,
    )


def _fit_before(
    source: SeriesSet,
    rolling: Rolling,
    window: int,
    fit: Callable[[SeriesSet], Candidate],
    together: bool,
) -> Candidate:
    """Calls `fit` with the series up to an origin. Raises: `GatewiseError` that names the origin."""
    try:
        return fit(before_window(source, rolling, window, together))
    except GatewiseError as error:
        place = f"before origin {window + 1} of {rolling.windows}"
        raise GatewiseError(f"{error} ({place}; fewer --windows leave more values)") from error


def fitted_before(
    name: str, network: Forecaster, data: ForecastData, baselines: Mapping[str, Callable[[], PointForecast]]
) -> Candidate:
    """A trained network, beside baselines that are fitted to the data before the first origin."""
    forecasters: dict[str, Forecaster] = {name: network}
    for own, make in sorted(baselines.items()):
        forecasters[own] = baseline = make()
        baseline.fit(data.train, data.validation)
        baseline.refit(data.train, data.validation)
    return Candidate(forecasters, data)


def trained_again(comparison: Comparison[ForecastData, Forecasts]) -> Candidate:
    """The network for use and the baselines of a training.

    Where that network was trained on all data, ridge regression is fitted to all data, too.
    """
    model, forecasters = comparison.model, {}
    everything = None if model is None or model.refitted is None else all_data(comparison.data)
    for result in sorted(comparison.results, key=lambda result: (result.baseline, result.name)):
        network = result.network if result.baseline or model is None else model.for_use.network
        if everything is not None and isinstance(network, Ridge):
            network.fit_again(everything.train)
        assert isinstance(network, Forecaster)
        forecasters[result.name] = network
    return Candidate(forecasters, comparison.data)


def read_series_to_backtest(path: Path, preprocessing: Preprocessing, rolling: Rolling) -> SeriesSet:
    """The series of a file, with gaps filled from the past alone.

    Raises: `GatewiseError` if no series has enough steps before its first origin.
    """
    is_causal = preprocessing.fill is None or preprocessing.fill in CAUSAL
    source = (preprocessing if is_causal else replace(preprocessing, fill="forward")).series(path)
    source = source.warned(*filled_warning(source, rolling))
    if not is_causal and any(series.filled.any() for series in source.series):
        source = source.warned(
            f"missing values are filled forward: {preprocessing.fill} filling would use later values"
        )
    plan, before = preprocessing.plan, [max(int(rolling.ends(len(one))[0]), 0) for one in source.series]
    if not any(plan.borders(steps)[0] >= plan.horizon + MIN_PAST for steps in before):
        longest = max(source.series, key=len)
        raise GatewiseError(
            f"the longest series, {longest.id!r}, has {len(longest)} steps, {max(before)} of them before the "
            f"first of {rolling.windows} origins, {rolling.step} steps apart; a horizon of {rolling.horizon} "
            f"needs more: give fewer --windows, a shorter --step, or more data"
        )
    return source


class Overlap(NamedTuple):
    """The number of windows with values that a model was trained on, and the last of these, in words."""

    windows: int
    last: str

    def warnings(self, rolling: Rolling) -> tuple[str, ...]:
        """A warning, if there are any."""
        if not self.windows:
            return ()
        warning = (
            f"{self.windows} of {rolling.windows} windows overlap the data that the model was trained on, up "
            f"to {self.last}: errors there are lower than on new data; --refit trains a new model at each "
            "origin"
        )
        return (warning,)


def find_overlap(source: SeriesSet, rolling: Rolling, seen: Mapping[str, str]) -> Overlap:
    """The windows that contain values that a model was trained on. seen: as in `run_backtest`"""
    windows, last = 0, ""
    for series in source.series:
        ends = rolling.ends(len(series))
        if series.id not in seen or ends[0] < 0:
            continue
        order, starts = time_order(series.times), series.times.gather(ends)
        seen_windows = sum(order(format_time(time)) <= order(seen[series.id]) for time in starts)
        if seen_windows > windows:
            windows, last = seen_windows, f"{seen[series.id]} in series {series.id!r}"
    return Overlap(windows, last)


def filled_warning(source: SeriesSet, rolling: Rolling) -> tuple[str, ...]:
    """Warns of origins in a gap, whose last values are filled: `predict` cuts a missing end off."""
    last = [one.filled[rolling.ends(len(one)) - 1] for one in source.series if rolling.ends(len(one))[0] > 0]
    count = int(np.sum(last))
    if not count:
        return ()
    warning = (
        f"{count} of {len(last) * rolling.windows} origins follow a missing value, which is filled: predict "
        "would cut it off, and forecast from the value before it"
    )
    return (warning,)


def describe_sums(reasons: Mapping[int, str], rolling: Rolling, refit: bool) -> tuple[str, ...]:
    """A warning on forecasts that are sums, as minimum trace has too few errors, if there are any.

    reasons: of each origin from which a candidate's forecasts are sums; refit: whether each has its own
    """
    if not reasons:
        return ()
    first, numbers = next(iter(reasons.values())), ", ".join(map(str, reasons))
    where = f" (at origin{'s' * (len(reasons) > 1)} {numbers} of {rolling.windows})" if refit else ""
    return (f"{first}{where}",)


def is_ragged(source: SeriesSet) -> bool:
    """Whether series end at different times; counted rows are not times."""
    last = {series.times[len(series) - 1] for series in source.series}
    return len(last) > 1 and source.columns.time_source != ()


def _describe(source: SeriesSet, rolling: Rolling, refit: bool) -> str:
    """Where the origins lie, and what was trained, in one line."""
    origins = rolling.ends(len(source.series[0])) - 1
    times = source.series[0].times.gather(origins)
    first, last = format_time(times[0]), format_time(times[-1])
    where = f"{rolling.windows} origins, {rolling.step} steps apart, from {first} to {last}"
    if rolling.windows == 1:
        where = f"one origin, {first}"
    if len(source.series) > 1:
        where += f" in the first of {len(source.series)} series"
    trained = "the model is trained again at each" if refit else "the model is not trained again"
    return f"{where}; a horizon of {rolling.horizon} steps; {trained}"
