"""Forecasts of a split as a value, and their scores in the unit of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.scaling import ROUNDING
from gatewise.data.series.windows import WindowBatch, Windows
from gatewise.modules.heads import pinball
from gatewise.modules.levels import median_index, symmetric_pairs
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.forecaster import Forecaster
from gatewise.tasks.predictions import Predictions


@dataclass(frozen=True)
class Forecasts(Predictions[Forecaster, Windows]):
    """The forecasts of the windows of a split, computed in blocks: those of all may not fit into memory."""

    def blocks(self) -> Iterator[tuple[WindowBatch, Tensor]]:
        """All windows in order, in batches, each with its quantiles [B, Q, n], scaled.

        The levels are those of the network; the median is the point forecast.
        """
        for batch in self.split.blocks():
            yield batch, forecast_batch(self.network, batch)

    def quantiles(self, numbers: list[int]) -> Tensor:
        """[B, Q, n]: the quantiles of some windows, by their numbers."""
        return forecast_batch(self.network, self.split.__getitems__(numbers))


def score(forecasts: Forecasts, data: ForecastData) -> dict[str, float]:
    """The scores of forecasts, each averaged over all windows and steps.

    MASE: mean |e| over the mean |y_t - y_{t-m}| of the series' training set, m its period, or 1 where the
    series repeats exactly after m; a constant series does not count (Hyndman and Koehler 2006)
    sMAPE: mean 2|e| / (|y| + |forecast|), zero where both are; RMSE: sqrt(mean e^2);
    pinball: the mean pinball loss of all levels, twice, which approaches the CRPS;
    coverage: the fraction of true values in the widest symmetric interval, between the quantiles p and 1 - p,
        at best 1 - 2p; absent if the levels have no such interval.
    """
    levels = torch.tensor(data.plan.levels).double()
    middle, pairs = median_index(data.plan.levels), symmetric_pairs(data.plan.levels)
    low, high = pairs[0] if pairs else (middle, middle)
    units = torch.from_numpy(_naive_errors(data))
    sums = torch.zeros(6).double()
    for batch, scaled in forecasts.blocks():
        unit = units[batch.series, None]
        quantiles, truth = (data.undo(values, batch.series) for values in (scaled, batch.truth))
        median = quantiles[..., middle]
        error, sizes = (truth - median).abs(), truth.abs() + median.abs()
        counted = (unit > 0).expand_as(error)
        inside = (quantiles[..., low] <= truth) & (truth <= quantiles[..., high])
        sums += torch.stack(
            [
                (error / unit)[counted].sum(),
                counted.double().sum(),
                (2 * error / torch.where(sizes > 0, sizes, 1.0)).sum(),
                error.square().sum(),
                2 * pinball(quantiles, truth, levels).mean(dim=-1).sum(),
                inside.double().sum(),
            ]
        )
    mase, counted_steps, *others = sums.tolist()
    smape, square, loss, coverage = (one / (len(forecasts.split) * data.plan.horizon) for one in others)
    return {
        "mase": mase / counted_steps if counted_steps else math.nan,
        "smape": smape,
        "rmse": math.sqrt(square),
        "pinball": loss,
        **({"coverage": coverage} if pairs else {}),
    }


def forecast_batch(network: Forecaster, batch: WindowBatch) -> Tensor:
    """[B, Q, n]: a network's quantiles for a batch of windows, scaled."""
    network.eval()
    with torch.inference_mode():
        return network.quantiles(network(batch.past, batch.future))


def forecast_windows(network: Forecaster, windows: Windows) -> Tensor:
    """[windows, Q, n]: a network's quantiles for all windows, scaled."""
    return torch.cat([forecast_batch(network, batch) for batch in windows.blocks()])


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
