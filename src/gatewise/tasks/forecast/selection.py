"""Selects, by errors on the validation set, how series are scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gatewise.data.series.series_set import SeriesSet
from gatewise.tasks.forecast.baselines import Ridge
from gatewise.tasks.forecast.data import ForecastData, prepare, shape_of
from gatewise.tasks.forecast.metrics import Forecasts, score
from gatewise.tasks.forecast.normalization import Normalization
from gatewise.tasks.forecast.plan import WindowPlan, positive_series


def prepare_best(
    source: SeriesSet, plan: WindowPlan, logarithms: Sequence[bool], normalizations: Sequence[Normalization]
) -> ForecastData:
    """The series prepared with or without logarithms and in the units that suit ridge regression best.

    logarithms, normalizations: the candidates; the first ones are taken unless others are better, by the mean
        of the MASE and the sMAPE on the validation set, each relative to that of the first ones

    Raises: `GatewiseError` as `prepare`.
    """
    if not positive_series(source):
        logarithms = (False,)
    plans = [replace(plan, log=log, normalization=one) for log in logarithms for one in normalizations]
    candidates = [prepare(source, plan) for plan in plans]
    if len(candidates) == 1:
        return candidates[0]
    errors = [_held_out_errors(data) for data in candidates]
    if min(errors[0]) == 0:
        return candidates[0]
    relative = [sum(one / first for one, first in zip(own, errors[0], strict=True)) for own in errors]
    return candidates[relative.index(min(relative))]


def _held_out_errors(data: ForecastData) -> tuple[float, float]:
    """The MASE and the sMAPE of ridge regression on the validation set."""
    ridge = Ridge(shape_of(data), data.plan.normalization, data.plan.levels)
    ridge.fit(data.train, data.validation)
    scores = score(Forecasts(ridge, data.validation, data))
    return scores["mase"], scores["smape"]
