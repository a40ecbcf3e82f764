"""Quantiles of Student's t distribution, as operations of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

FEWEST = 2.0  # degrees of freedom
DEGREE = 20  # of the polynomials, which then have an error of 1e-12


def student_quantiles(levels: Sequence[float], freedom: Tensor) -> Tensor:
    """The quantiles [..., n] of a location of 0 and a scale of 1, in double precision.

    Each is a polynomial in `4 / v - 1`, which interpolates those of SciPy.

    Args:
        levels: n numbers between 0 and 1
        freedom: v, at least 2, [...]

    >>> student_quantiles([0.5, 0.9], torch.tensor([2.0, 30.0])).round(decimals=3)
    tensor([[0.0000, 1.8860],
            [0.0000, 1.3100]], dtype=torch.float64)
    """
    polynomials = torch.tensor(_polynomials(tuple(levels)), dtype=torch.float64, device=freedom.device)
    place = (2 * FEWEST / freedom.double() - 1).unsqueeze(-1)
    found = polynomials[-1]
    for coefficients in polynomials[:-1].flip(0):
        found = found * place + coefficients
    return found.expand(*freedom.shape, len(levels))


@lru_cache(maxsize=64)
def _polynomials(levels: tuple[float, ...]) -> list[list[float]]:
    """[DEGREE + 1, n], the coefficients of each power."""
    from numpy.polynomial import Chebyshev, Polynomial
    from scipy.special import stdtrit

    def quantile(place: np.ndarray, level: float) -> np.ndarray:
        found: np.ndarray = stdtrit(2 * FEWEST / (place + 1), level)
        return found

    columns = []
    for level in levels:
        fitted = Chebyshev.interpolate(quantile, DEGREE, args=(level,))
        coefficients = fitted.convert(kind=Polynomial).coef.tolist()
        columns.append(coefficients + [0.0] * (DEGREE + 1 - len(coefficients)))
    return [list(row) for row in zip(*columns, strict=True)]
