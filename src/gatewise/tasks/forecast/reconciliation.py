"""Coherent forecasts of a hierarchy: the forecasts of aggregates are the sums of those of their series."""

from __future__ import annotations

from typing import Literal

import numpy as np

Reconciliation = Literal["mint", "bottom-up"]


def reconcile(
    base: np.ndarray, summing: np.ndarray, residuals: np.ndarray, method: Reconciliation = "mint"
) -> np.ndarray:
    """Forecasts that add up, from forecasts that do not.

    "bottom-up" sums the forecasts of the last level. "mint" changes all as little as possible, in units of
    the covariance W of their errors (minimum trace): with the constraints `U^T y = 0` of coherent forecasts,

        y = base - W U (U^T W U)^-1 U^T base

    Args:
        base: [series, Q]
        summing: S, [series, bottom], as by `summing_matrix`; the series of the last level come first
        residuals: [series, N], the errors of one step

    Returns:
        [series, Q], where `y = S y_bottom`

    Source: Wickramasuriya, Athanasopoulos and Hyndman 2019, MinT; Orcutt et al. 1968, bottom-up.

    >>> summing = np.array([[1.0, 0], [0, 1], [1, 1]])
    >>> reconcile(np.array([[2.0], [3.0], [8.0]]), summing, np.zeros((3, 0)), "bottom-up").tolist()
    [[2.0], [3.0], [5.0]]
    """
    bottom = summing.shape[1]
    adjusted = base
    if method == "mint":
        constraints = np.concatenate([-summing[bottom:].T, np.eye(len(summing) - bottom)])
        weighted = shrunk_covariance(residuals) @ constraints
        adjusted = base - weighted @ np.linalg.solve(constraints.T @ weighted, constraints.T @ base)
    return summing @ adjusted[:bottom]


def shrunk_covariance(residuals: np.ndarray) -> np.ndarray:
    """The covariance of errors around zero, with correlations shrunk towards zero, [series, series].

    `W = a diag(C) + (1 - a) C` with `C = E E^T / N` and the a that minimizes the expected squared error,
    `a = sum Var(r_ij) / sum r_ij^2` over the correlations r of different series, at most 1.

    residuals: E, [series, N]

    Source: Schaefer and Strimmer 2005.
    """
    series, count = residuals.shape
    deviations = np.sqrt(np.mean(residuals**2, axis=1)) if count else np.ones(series)
    smallest = deviations[deviations > 0].min(initial=np.inf)
    deviations = np.where(deviations > 0, deviations, smallest if np.isfinite(smallest) else 1.0)
    if count < 2:
        return np.diag(deviations**2)
    scaled = residuals / deviations[:, None]
    correlations = scaled @ scaled.T / count
    variances = ((scaled**2) @ (scaled**2).T / count - correlations**2) / (count - 1)
    different = ~np.eye(series, dtype=bool)
    size = float(np.square(correlations[different]).sum())
    shrinkage = min(max(float(variances[different].sum()) / size, 0.0), 1.0) if size else 1.0
    shrunk = (1 - shrinkage) * correlations
    np.fill_diagonal(shrunk, 1.0)
    return shrunk * np.outer(deviations, deviations)
