"""Forecasts of a split as a value, and their scores in the unit of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.scaling import ROUNDING
from gatewise.data.series.windows import Windows
from gatewise.modules.heads import LEVELS, MEDIAN, pinball
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.forecaster import Forecaster
from gatewise.tasks.predictions import Predictions

WINDOWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Forecasts(Predictions[Forecaster, Windows]):
    """The forecasts of all windows of a split.

    quantiles: [windows, Q, n], scaled, at the levels 0.1 ... 0.9; the median is the point forecast
    """

    quantiles: Tensor


def score(forecasts: Forecasts, data: ForecastData) -> dict[str, float]:
    """The scores of forecasts, each averaged over all windows and steps.

    MASE: mean |e| over the mean |y_t - y_{t-m}| of the series' training set, m its period, or 1 where the
    series repeats exactly after m; a constant series does not count (Hyndman and Koehler 2006)
    sMAPE: mean 2|e| / (|y| + |forecast|), zero where both are; RMSE: sqrt(mean e^2);
    pinball: the mean pinball loss of all levels, twice, which approaches the CRPS;
    coverage: the fraction of true values between the quantiles 0.1 and 0.9, at best 0.8.
    """
    batch = forecasts.split.all()
    means, deviations = (torch.from_numpy(values)[batch.series] for values in data.scales())
    deviations, means = deviations[:, None], means[:, None]
    quantiles = forecasts.quantiles.double() * deviations.unsqueeze(-1) + means.unsqueeze(-1)
    truth = batch.truth.double() * deviations + means
    median = quantiles[..., MEDIAN]
    error, sizes = (truth - median).abs(), truth.abs() + median.abs()
    units = torch.from_numpy(_naive_errors(data))[batch.series, None]
    inside = (quantiles[..., 0] <= truth) & (truth <= quantiles[..., -1])
    return {
        "mase": float((error / units)[(units > 0).expand_as(error)].mean()),
        "smape": float((2 * error / torch.where(sizes > 0, sizes, 1.0)).mean()),
        "rmse": float(error.square().mean().sqrt()),
        "pinball": float(2 * pinball(quantiles, truth, torch.tensor(LEVELS).double()).mean()),
        "coverage": float(inside.double().mean()),
    }


def forecast_windows(network: Forecaster, windows: Windows) -> Tensor:
    """[windows, Q, n]: a network's quantiles for all windows, scaled."""
    network.eval()
    with torch.inference_mode():
        chunks = torch.arange(len(windows)).split(WINDOWS_AT_ONCE)
        batches = [windows.__getitems__(chunk.tolist()) for chunk in chunks]
        return torch.cat([network.quantiles(network(batch.past, batch.future)) for batch in batches])


def _naive_errors(data: ForecastData) -> np.ndarray:
    """The denominator of the MASE of each series, zero for a constant one."""
    errors = []
    for series in data.source.series:
        training = series.target[: data.plan.borders(len(series))[0]]
        period = min(data.plan.period, len(training) - 1)
        by_period, by_step = (np.abs(training[lag:] - training[:-lag]).mean() for lag in (period, 1))
        repeats = by_period <= ROUNDING * np.abs(training).max()
        errors.append(by_step if repeats else by_period)
    return np.array(errors)
