"""Coherent forecasts of a hierarchy: the forecasts of aggregates are the sums of those of their series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatewise.data.series.scaled_table import Support
from gatewise.tasks.forecast.paths import in_support

Reconciliation = Literal["mint", "bottom-up"]


@dataclass(frozen=True)
class Coherence:
    """How forecasts of a hierarchy are made to add up: `y = S P base`.

    summing: S, [series, bottom], as by `summing_matrix`; the series of the last level come first
    weights: P, [bottom, series], as by `reconciling_matrix`
    method: the one of the weights
    why: why it is not minimum trace, if that was asked for; empty if it is, or was not
    """

    summing: np.ndarray
    weights: np.ndarray
    method: Reconciliation
    why: str = ""

    def applied(self, quantiles: np.ndarray, median: int, support: Support) -> np.ndarray:
        """Quantiles whose medians add up, in the units of the data; those of a series move with its median.

        quantiles: [series * N, Q, n], of N windows of each series; median: its place among the levels
        support: the values that the target can have
        """
        medians = quantiles[..., median].reshape(len(self.summing), -1)
        reconciled = self.summing @ (self.weights @ medians)
        return with_medians(quantiles, reconciled.reshape(quantiles.shape[:-1]), median, support)


def reconciling_matrix(
    summing: np.ndarray, residuals: np.ndarray, method: Reconciliation = "mint"
) -> np.ndarray:
    """P, [bottom, series]: the forecasts of the last level, from those of all levels.

    "bottom-up" keeps the forecasts of the last level. "mint" changes all as little as possible, in units of
    the covariance W of their errors (minimum trace): with the constraints `U^T y = 0` of coherent forecasts,
    P is the first rows of

        I - W U (U^T W U)^-1 U^T

    Args:
        summing: S, [series, bottom]
        residuals: [series, N], the errors of one step

    Source: Wickramasuriya, Athanasopoulos and Hyndman 2019, MinT; Orcutt et al. 1968, bottom-up.

    >>> summing = np.array([[1.0, 0], [0, 1], [1, 1]])
    >>> reconciling_matrix(summing, np.zeros((3, 0)))
    array([[ 0.66666667, -0.33333333,  0.33333333],
           [-0.33333333,  0.66666667,  0.33333333]])
    """
    series, bottom = summing.shape
    kept = np.eye(bottom, series)
    if method == "bottom-up":
        return kept
    constraints = np.concatenate([-summing[bottom:].T, np.eye(series - bottom)])
    weighted = shrunk_covariance(residuals) @ constraints
    return kept - weighted[:bottom] @ np.linalg.solve(constraints.T @ weighted, constraints.T)


def with_medians(
    quantiles: np.ndarray, medians: np.ndarray, place: int, support: Support = "real"
) -> np.ndarray:
    """Quantiles [..., n] that move with their median to other medians [...].

    place: of the median; support: the values that quantiles can have

    >>> with_medians(np.array([[1.0, 2.0, 4.0]]), np.array([3.0]), place=1).tolist()
    [[2.0, 3.0, 5.0]]
    """
    moved = quantiles + (medians - quantiles[..., place])[..., None]
    moved[..., place] = medians
    return in_support(moved, support)


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
