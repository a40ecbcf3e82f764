"""Forecasts of a hierarchy that add up, from the errors of a network on the history."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import torch

from gatewise.data.series.hierarchy import summing_matrix
from gatewise.data.series.scaled_table import SeriesScaling
from gatewise.data.series.series import SeriesSet
from gatewise.tasks.forecast.forecaster import Forecaster
from gatewise.tasks.forecast.metrics import Forecasts
from gatewise.tasks.forecast.origins import windows_after
from gatewise.tasks.forecast.plan import WindowPlan
from gatewise.tasks.forecast.reconciliation import Reconciliation, reconcile

DIGITS, SUM_DIGITS = 7, 12  # significant ones of forecasts, and of their sums
MAX_ERRORS, MIN_ERRORS = 100, 2  # of each series
Medians = Callable[[np.ndarray], np.ndarray]  # [S, Q] -> [S, Q], which add up


def reconciler(
    source: SeriesSet,
    plan: WindowPlan,
    learned: SeriesScaling,
    network: Forecaster,
    method: Reconciliation,
) -> tuple[Medians, list[str]]:
    """A function from the medians of all series to coherent ones, and a warning if errors are too few.

    The covariance of "mint" is that of the errors of one step at the last steps of the data.
    """
    columns, warnings = source.columns, []
    cells = [columns.id_cells(series.id, 1) for series in source.series]
    summing = summing_matrix([[one[name][0] for name in columns.hierarchy] for one in cells])
    residuals = np.zeros((len(cells), 0))
    if method == "mint":
        residuals = _residuals(source, plan, learned, network)
        if residuals.shape[1] < MIN_ERRORS:
            method = "bottom-up"
            warnings.append(
                f"the series have {len(source.series[0])} steps, too few for the errors that minimum trace "
                "needs: the forecasts of the hierarchy are sums"
            )

    def coherent(medians: np.ndarray) -> np.ndarray:
        bottom = reconcile(medians, summing, residuals, method)[: summing.shape[1]]
        return _rounded(summing @ _rounded(bottom, DIGITS), SUM_DIGITS)

    return coherent, warnings


def _residuals(
    source: SeriesSet, plan: WindowPlan, learned: SeriesScaling, network: Forecaster
) -> np.ndarray:
    """[S, N], the errors of one step at the last steps of series of one length."""
    lengths = [len(series) for series in source.series]
    scaling = plan.learn_scales(source, lengths, learned)
    last = lengths[0] - plan.horizon
    ends = np.arange(max(min(plan.context, last // 2), last - MAX_ERRORS, 1), last + 1)
    if len(ends) < MIN_ERRORS:
        return np.zeros((len(lengths), 0))
    windows = windows_after(source, plan, scaling, [ends] * len(lengths))
    made = [quantiles[:, 0, network.median_index] for _, quantiles in Forecasts(network, windows).blocks()]
    medians = torch.cat(made).double().numpy().reshape(len(lengths), len(ends))
    return np.stack(
        [
            series.target[ends] - scaling.series[series.id].undo(own)
            for series, own in zip(source.series, medians, strict=True)
        ]
    )


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    flat = pl.Series(values.reshape(-1)).round_sig_figs(digits)
    return flat.to_numpy().reshape(values.shape)
