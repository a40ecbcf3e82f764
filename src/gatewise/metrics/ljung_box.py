"""The autocorrelation of residuals, and the Ljung-Box test for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2


class LjungBox(NamedTuple):
    """The result of a test: Q and the probability of a larger one where there is no autocorrelation."""

    statistic: float
    p_value: float


def autocorrelation(residuals: np.ndarray, lags: int) -> np.ndarray:
    """[lags]: `r_k = sum_t (e_t - e) (e_{t-k} - e) / sum_t (e_t - e)^2` for k from 1; zero if all are equal.

    Terms of residuals that are missing, NaN, are left out of the sums.

    >>> autocorrelation(np.array([1.0, -1.0, 1.0, -1.0]), 2)
    array([-0.75,  0.5 ])
    """
    if lags == 0:
        return np.empty(0)
    deviations = np.nan_to_num(residuals - np.nanmean(residuals))
    total = float(deviations @ deviations)
    products = [deviations[lag:] @ deviations[: len(deviations) - lag] for lag in range(1, lags + 1)]
    return np.array(products) / total if total else np.zeros(lags)


def ljung_box(correlations: np.ndarray, count: int) -> LjungBox:
    """Tests whether the first autocorrelations of residuals are zero together.

    `Q = n (n + 2) sum_k r_k^2 / (n - k)`, compared with the chi-squared distribution of m degrees of freedom.

    correlations: [m], of the lags 1 to m; count: n, the residuals

    Source: Ljung and Box 1978.

    >>> ljung_box(np.array([-0.75, 0.5]), 4).statistic
    7.5
    """
    lags = np.arange(1, len(correlations) + 1)
    statistic = float(count * (count + 2) * (correlations**2 / (count - lags)).sum())
    return LjungBox(statistic, float(chi2.sf(statistic, len(correlations))))
