"""The Diebold-Mariano test: whether two forecasts differ in their accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import t as student_t


@dataclass(frozen=True)
class DieboldMariano:
    """The result of a test.

    statistic: negative if the first forecast has the lower losses; p_value: of two sides
    origins: n, the number of differences; lags: h - 1, of the autocovariances
    """

    statistic: float
    p_value: float
    origins: int
    lags: int


def diebold_mariano(differences: np.ndarray, lags: int) -> DieboldMariano | None:
    """Tests whether the mean of loss differences is zero, with the correction for small samples.

    For n differences d_k of consecutive origins, with the mean d and h = lags + 1:

    `gamma_j = 1/n sum_k (d_k - d) (d_{k-j} - d)`
    `DM = d / sqrt((gamma_0 + 2 sum_{j=1}^{h-1} gamma_j) / n)`
    `corrected = DM * sqrt((n + 1 - 2h + h (h - 1) / n) / n)`

    and the corrected statistic is compared with Student's t distribution of n - 1 degrees of freedom.

    Args:
        differences: [n], the loss of the first forecast minus that of the second, at each origin in order
        lags: h - 1, over which differences may be correlated: the other origins within a horizon

    Returns:
        the result; None if there are at most h differences, one of them is NaN, or their estimated variance
        is not positive

    Source: Diebold and Mariano 1995; Harvey, Leybourne and Newbold 1997 for the correction.

    >>> diebold_mariano(np.array([1.0, 2.0, 3.0]), lags=0).p_value.__round__(4)
    0.0742
    """
    n, h = len(differences), lags + 1
    if n <= h or np.isnan(differences).any():
        return None
    deviations = differences - differences.mean()
    covariances = [float(deviations[lag:] @ deviations[: n - lag]) / n for lag in range(h)]
    variance = (covariances[0] + 2 * sum(covariances[1:])) / n
    if variance <= 0:
        return None
    statistic = float(differences.mean()) / sqrt(variance) * sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    return DieboldMariano(statistic, float(2 * student_t.sf(abs(statistic), n - 1)), n, lags)
