"""The scores of a forecast, in the unit of the data."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.forecasting import ForecastData
from gatewise.data.series.windows import Windows
from gatewise.networks.forecast.forecaster import Forecaster
from gatewise.networks.forecast.heads import LEVELS, MEDIAN, pinball

WINDOWS_AT_ONCE = 1024
TINY = 1e-12


def score(quantiles: Tensor, data: ForecastData, windows: Windows) -> dict[str, float]:
    """Scores forecasts of the windows, each score averaged over all windows and steps.

    quantiles: [windows, Q, n], scaled, at the levels 0.1 ... 0.9; the median is the point forecast

    A series whose naive error is nought in training, as of a constant one, does not count in MASE.
    MASE: mean |e| over the mean |y_t - y_{t-m}| of the series' training part, m its period
    (Hyndman and Koehler 2006); sMAPE: mean 2|e| / (|y| + |forecast|); RMSE: sqrt(mean e^2);
    pinball: the mean pinball loss of all levels, twice, which approaches the CRPS;
    coverage: the share of truths between the quantiles 0.1 and 0.9, at best 0.8.
    """
    batch = windows.all()
    means, deviations = (torch.from_numpy(values)[batch.series] for values in data.scales())
    deviations, means = deviations[:, None], means[:, None]
    quantiles = quantiles.double() * deviations.unsqueeze(-1) + means.unsqueeze(-1)
    truth = batch.truth.double() * deviations + means
    median = quantiles[..., MEDIAN]
    error = (truth - median).abs()
    units = torch.from_numpy(_naive_errors(data))[batch.series, None]
    inside = (quantiles[..., 0] <= truth) & (truth <= quantiles[..., -1])
    return {
        "mase": float((error / units)[(units > TINY).expand_as(error)].mean()),
        "smape": float((2 * error / (truth.abs() + median.abs()).clamp(min=TINY)).mean()),
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
    errors = []
    for series in data.source.series:
        training = series.target[: data.plan.borders(len(series))[0]]
        period = min(data.plan.period, len(training) - 1)
        errors.append(np.abs(training[period:] - training[:-period]).mean())
    return np.array(errors)
