"""The Tweedie distribution with a power between 1 and 2: the sum of a Poisson number of gamma variables.

Of mean m, dispersion d and power p, it is the sum of N variables of shape k and scale s, where N is Poisson
distributed with the rate r (Dunn and Smyth 2005):

    r = m^(2-p) / (d (2-p))     k = (2-p) / (p-1)     s = d (p-1) m^(p-1)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

REACH, STEPS = 32, 5  # of the terms of a series: on each side of the largest, and in a standard deviation
LARGEST_RATE = 1e4
LOG_RATES: np.ndarray = np.linspace(np.log(1e-3), np.log(LARGEST_RATE), 160)
HALVINGS = 40


def tweedie_log_density(values: Tensor, mean: Tensor, dispersion: Tensor, power: Tensor) -> Tensor:
    """The logarithm of the density, and of the probability where a value is 0.

    Args:
        values: not negative, [...]
        mean, dispersion: positive, [...]
        power: between 1 and 2

    >>> found = tweedie_log_density(*torch.tensor([0.0, 2.0, 1.0, 1.5]).double())  # a rate of 2 sqrt(2)
    >>> round(found.item(), 4)
    -2.8284
    """
    rate = mean ** (2 - power) / (dispersion * (2 - power))
    shape, scale = (2 - power) / (power - 1), dispersion * (power - 1) * mean ** (power - 1)
    positive = torch.where(values > 0, values, 1.0).unsqueeze(-1)
    largest = (positive ** (2 - power) / ((2 - power) * dispersion.unsqueeze(-1))).detach()
    count, width = _terms(largest)
    rate, scale = rate.unsqueeze(-1), scale.unsqueeze(-1)
    shapes = count.clamp(min=1) * shape
    poisson = count * rate.log() - rate - torch.lgamma(count.clamp(min=0) + 1)
    gamma = (shapes - 1) * positive.log() - positive / scale - torch.lgamma(shapes) - shapes * scale.log()
    terms = torch.where(count >= 1, poisson + gamma + width.log(), -torch.inf)
    return torch.where(values > 0, terms.logsumexp(-1), -rate.squeeze(-1))


def tweedie_quantiles(levels: Sequence[float], mean: Tensor, dispersion: Tensor, power: float) -> Tensor:
    """The quantiles [..., n], interpolated between those of 160 rates, which are found by bisection.

    At a rate above the largest of them, the distribution is close to a normal one, and its quantiles are as
    many standard deviations from the mean as at the largest rate, with less of their skewness.

    Args:
        levels: n numbers between 0 and 1
        mean, dispersion: positive, in double precision, [...]
        power: between 1 and 2

    >>> mean, dispersion = torch.tensor([2.0]).double(), torch.tensor([1.0]).double()
    >>> tweedie_quantiles([0.1], mean, dispersion, 1.5).round(decimals=2)  # p(0) = 0.059
    tensor([[0.1700]], dtype=torch.float64)
    """
    rate = mean ** (2 - power) / (dispersion * (2 - power))
    scale = dispersion * (power - 1) * mean ** (power - 1)
    rows = torch.tensor(
        _rows(tuple(levels), (2 - power) / (power - 1)), dtype=torch.float64, device=mean.device
    )
    beyond = (rate / LARGEST_RATE).clamp(min=1)  # rates that are not in the table
    place = (rate.clamp(min=1e-300).log() - LOG_RATES[0]) / (LOG_RATES[1] - LOG_RATES[0])
    place = place.clamp(0, len(LOG_RATES) - 1)
    left = place.floor().clamp(max=len(LOG_RATES) - 2).long()
    lower, upper = rows[left], rows[left + 1]
    found = lower + (upper - lower) * (place - left).unsqueeze(-1)
    found = found * (scale * beyond).unsqueeze(-1)
    mean, beyond = mean.unsqueeze(-1), beyond.unsqueeze(-1)
    deviation = (dispersion.unsqueeze(-1) * mean**power).sqrt()
    normal = found.new_tensor([NormalDist().inv_cdf(level) for level in levels])
    skewed = (found - mean) / (deviation * beyond.sqrt()) - normal  # falls as the root of the rate
    return torch.where(beyond > 1, mean + deviation * (normal + skewed / beyond.sqrt()), found)


def _terms(largest: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers of gamma variables around the most likely one, [..., 2 REACH + 1], and their distances.

    Far from zero the series is an integral over a smooth function, so that every few numbers suffice.
    """
    width = (largest.sqrt() / STEPS).clamp(min=1)
    offsets = torch.arange(-REACH, REACH + 1, dtype=largest.dtype, device=largest.device)
    start = largest.round().clamp(min=1)
    return torch.where(width > 1, start + offsets * width, start + offsets), width


@lru_cache(maxsize=8)
def _rows(levels: tuple[float, ...], shape: float) -> list[list[float]]:
    """The quantiles [rates, n] of the sum of variables of a shape and of scale 1, at each of `LOG_RATES`."""
    from scipy.special import gammainc, gammaln

    rate = np.exp(LOG_RATES)
    counts, width = (one.numpy() for one in _terms(torch.from_numpy(rate).unsqueeze(-1)))
    log_poisson = counts * LOG_RATES[:, None] - rate[:, None] - gammaln(np.maximum(counts, 0) + 1)
    weights = np.where(counts >= 1, np.exp(log_poisson) * width, 0.0)
    shapes = np.maximum(counts, 1) * shape
    wanted = np.array(levels)[:, None] - np.exp(-rate)  # of the positive values
    low = np.zeros((len(levels), len(rate)))
    deviation = np.sqrt(rate * shape * (shape + 1))
    high = low + rate * shape + 40 * deviation + 100 * (1 + shape)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = (weights * gammainc(shapes, middle[..., None])).sum(-1) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found: list[list[float]] = np.where(wanted > 0, (low + high) / 2, 0.0).T.tolist()
    return found
