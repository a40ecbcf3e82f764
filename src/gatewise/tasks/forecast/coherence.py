"""Forecasts of a hierarchy that add up, from the errors of a network on the history."""

from __future__ import annotations

import numpy as np
import torch

from gatewise.data.series.hierarchy import summing_matrix
from gatewise.data.series.scaled_table import SeriesScaling
from gatewise.data.series.series_set import SeriesSet
from gatewise.tasks.forecast.forecaster import Forecaster
from gatewise.tasks.forecast.metrics import forecast_batch
from gatewise.tasks.forecast.origin_windows import windows_after
from gatewise.tasks.forecast.plan import WindowPlan
from gatewise.tasks.forecast.reconciliation import Coherence, Reconciliation, reconciling_matrix

MAX_ERRORS, MIN_ERRORS = 100, 2  # of each series


def coherence_after(
    source: SeriesSet,
    steps: int,
    plan: WindowPlan,
    scaling: SeriesScaling,
    network: Forecaster,
    method: Reconciliation,
) -> Coherence:
    """How the forecasts of a hierarchy add up.

    The covariance of "mint" is that of the errors of the first step ahead, at the last steps; where these are
    too few, the method is "bottom-up".

    steps: of each series, whose values are known; scaling: with the scales of all series
    """
    summing = summing_matrix(source)
    if method == "bottom-up":
        return _summed(summing)
    last = steps - plan.horizon
    candidates = np.arange(max(min(plan.context, last // 2), last - MAX_ERRORS, 1), last + 1)
    if len(candidates) < MIN_ERRORS:
        return _summed(summing, f"the series have {steps} steps, too few for the errors")
    ends = candidates
    if scaling.masked:
        ends = ends[~np.any([one.filled[ends] for one in source.series], axis=0)]
    if len(ends) < MIN_ERRORS:
        count = f"only {len(ends)}" if len(ends) else "none"
        known = f"{count} of the last {len(candidates)} steps has a value of every series"
        return _summed(summing, f"{known}, too few for the errors")
    residuals = _residuals(source, ends, plan, scaling, network)
    return Coherence(summing, reconciling_matrix(summing, residuals, method), method)


def _summed(summing: np.ndarray, problem: str = "") -> Coherence:
    """Sums of the forecasts of the last level. problem: why minimum trace has no errors"""
    why = f"{problem} that minimum trace needs: the forecasts of the hierarchy are sums" if problem else ""
    weights = reconciling_matrix(summing, np.zeros((len(summing), 0)), "bottom-up")
    return Coherence(summing, weights, "bottom-up", why)


def _residuals(
    source: SeriesSet, ends: np.ndarray, plan: WindowPlan, scaling: SeriesScaling, network: Forecaster
) -> np.ndarray:
    """[S, N], the errors of one step after the first `ends` steps."""
    series = source.series
    windows = windows_after(source, plan, scaling, [ends] * len(series))
    made = [forecast_batch(network, batch)[:, 0, network.median_index] for batch in windows.blocks()]
    medians = torch.cat(made).double().numpy().reshape(len(series), len(ends))
    return np.stack(
        [
            one.target[ends] - scaling.series[one.id].undo(own)
            for one, own in zip(series, medians, strict=True)
        ]
    )
