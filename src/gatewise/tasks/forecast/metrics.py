"""The scores of a forecast, in the unit of the data."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.scaling import ROUNDING
from gatewise.data.series.windows import Windows
from gatewise.modules.heads import LEVELS, MEDIAN, pinball
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.forecaster import Forecaster

WINDOWS_AT_ONCE = 1024


def score(quantiles: Tensor, data: ForecastData, windows: Windows) -> dict[str, float]:
    """Scores forecasts of the windows, each score averaged over all windows and steps.

    quantiles: [windows, Q, n], scaled, at the levels 0.1 ... 0.9; the median is the point forecast

    MASE: mean |e| over the mean |y_t - y_{t-m}| of the series' training part, m its period, or 1 where the
    series repeats exactly after m; a constant series does not count (Hyndman and Koehler 2006)
    sMAPE: mean 2|e| / (|y| + |forecast|), zero where both are; RMSE: sqrt(mean e^2);
    pinball: the mean pinball loss of all levels, twice, which approaches the CRPS;
    coverage: the share of truths between the quantiles 0.1 and 0.9, at best 0.8.
    """
    batch = windows.all()
    means, deviations = (torch.from_numpy(values)[batch.series] for values in data.scales())
    deviations, means = deviations[:, None], means[:, None]
    quantiles = quantiles.double() * deviations.unsqueeze(-1) + means.unsqueeze(-1)
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


def foretell(network: Forecaster, windows: Windows) -> Tensor:
    """[windows, Q, n]: a network's quantiles of all windows, scaled."""
    network.eval()
    with torch.inference_mode():
        parts = torch.arange(len(windows)).split(WINDOWS_AT_ONCE)
        batches = [windows.__getitems__(part.tolist()) for part in parts]
        return torch.cat([network.quantiles(network(one.past, one.future)) for one in batches])


def _naive_errors(data: ForecastData) -> np.ndarray:
    """Of each series the unit of its MASE, zero for a constant one."""
    errors = []
    for series in data.source.series:
        training = series.target[: data.plan.borders(len(series))[0]]
        period = min(data.plan.period, len(training) - 1)
        by_period, by_step = (np.abs(training[lag:] - training[:-lag]).mean() for lag in (period, 1))
        repeats = by_period <= ROUNDING * np.abs(training).max()
        errors.append(by_step if repeats else by_period)
    return np.array(errors)
