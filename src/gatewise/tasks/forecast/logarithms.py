"""Chooses, by the error on the validation set, whether to take logarithms of series."""

from __future__ import annotations

from dataclasses import replace

from gatewise.data.series.series import SeriesSet
from gatewise.tasks.forecast.baselines import Ridge
from gatewise.tasks.forecast.data import ForecastData, WindowPlan, positive_series, prepare, shape_of
from gatewise.tasks.forecast.metrics import Forecasts, score


def prepare_best(source: SeriesSet, plan: WindowPlan) -> ForecastData:
    """The series prepared with or without logarithms, whichever suits ridge regression better.

    Logarithms are taken if they lower the errors of ridge regression on the validation set: the mean of the
    MASE and the sMAPE with logarithms, each relative to that without.

    Raises: `GatewiseError` as `prepare`.
    """
    plain = prepare(source, plan)
    if not positive_series(source):
        return plain
    logarithmic = prepare(source, replace(plan, log=True))
    errors, plain_errors = _held_out_errors(logarithmic), _held_out_errors(plain)
    if min(plain_errors) == 0:
        return plain
    relative = [one / other for one, other in zip(errors, plain_errors, strict=True)]
    return logarithmic if sum(relative) < len(relative) else plain


def _held_out_errors(data: ForecastData) -> tuple[float, float]:
    """The MASE and the sMAPE of ridge regression on the validation set."""
    ridge = Ridge(shape_of(data))
    ridge.fit(data.train, data.validation)
    scores = score(Forecasts(ridge, data.validation), data)
    return scores["mase"], scores["smape"]
