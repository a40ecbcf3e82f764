"""Quantiles of distributions as operations that graphs of ONNX and PyTorch have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import log, pi

import torch
from torch import Tensor

from gatewise.modules.count_heads import NegativeBinomialHead, TweedieHead
from gatewise.modules.head import Head

LARGEST_COUNT = 4096  # whose probability is in a graph by itself
NODES = 4096  # of an integral over larger counts
RARE = 40.0  # minus the logarithm of a probability that is neglected: the tails are those of a gamma variable
SHIFT = 8  # of an argument of the gamma function, for Stirling's formula


def graph_quantiles(head: Head) -> Callable[[Tensor], Tensor]:
    """`head.quantiles` for graphs."""
    if isinstance(head, NegativeBinomialHead):
        return partial(binomial_quantiles, head.quantile_levels)
    if isinstance(head, TweedieHead):
        return partial(head.quantiles_with, power=float(head.power.detach()))
    return head.quantiles


def binomial_quantiles(levels: Sequence[float], raw: Tensor, largest: int = LARGEST_COUNT) -> Tensor:
    """The quantiles [..., n] of negative binomial distributions, exact up to a count.

    The logarithms of the ratios of neighbouring probabilities are summed:
    `p(k) / p(k - 1) = (k - 1 + 1/a) / k * a m / (1 + a m)`. Above the count, `p` is integrated as a density.

    levels: n numbers between 0 and 1; raw: mean m and dispersion a, [..., 2]

    >>> binomial_quantiles([0.1, 0.5, 0.999], torch.tensor([[3.0, 0.5]]))
    tensor([[ 0.,  2., 17.]])
    """
    mean, dispersion = (one.unsqueeze(-1) for one in raw.double().unbind(-1))
    product, counts = dispersion * mean, torch.arange(1, largest + 1, dtype=torch.float64)
    first = -product.log1p() / dispersion
    ratios = ((counts - 1 + 1 / dispersion) / counts).log() + (product / (1 + product)).log()
    logarithms = torch.cat([first, first + ratios.cumsum(-1)], dim=-1)
    reached = logarithms.exp().cumsum(-1)
    found = torch.stack([(reached < level).sum(-1) for level in levels], dim=-1)
    beyond = _large_quantiles(levels, mean, dispersion, reached[..., -1:], largest)
    return torch.where(found <= largest, found.double(), beyond).to(raw)


def _large_quantiles(
    levels: Sequence[float], mean: Tensor, dispersion: Tensor, reached: Tensor, largest: int
) -> Tensor:
    """The quantiles [..., n] above a count, by the trapezoidal rule over equal steps of its logarithm.

    mean, dispersion: [..., 1]; reached: the probability [..., 1] of all counts up to the largest
    """
    begin = (mean * (-1 - RARE * dispersion).exp()).clamp(min=largest + 0.5)  # between two counts
    deviation = (mean + dispersion * mean**2).sqrt()
    end = torch.maximum(mean + 12 * deviation + RARE * dispersion * mean, 2 * begin)
    nodes = torch.linspace(0, 1, NODES, dtype=torch.float64)
    step = (end / begin).log() / (NODES - 1)
    counts = begin * ((end / begin).log() * nodes).exp()
    density = _log_density(counts, mean, 1 / dispersion).exp()
    areas = (density[..., 1:] + density[..., :-1]) / 2 * step
    before = torch.where(begin > largest + 0.5, 0.0, reached)
    sums = torch.cat([before, before + areas.cumsum(-1)], dim=-1)
    found = []
    for level in levels:
        left = (sums < level).sum(-1, keepdim=True).clamp(1, NODES - 1) - 1
        lower, upper = sums.gather(-1, left), sums.gather(-1, left + 1)
        part = ((level - lower) / (upper - lower).clamp(min=1e-300)).clamp(0, 1)
        found.append(counts.gather(-1, left) * (step * part).exp())
    return (torch.cat(found, dim=-1) - 0.5).ceil()


def _log_density(counts: Tensor, mean: Tensor, successes: Tensor) -> Tensor:
    """The logarithm of `k p(k)`, of large counts k, without differences of large numbers.

    successes: r = 1/a
    """
    inverse = 1 / (counts + successes) - 1 / counts
    ratio = (counts + successes) * ((successes / counts).log1p() - (successes / mean).log1p())
    moved = successes + SHIFT
    gamma = (moved - 0.5) * moved.log() - moved + log(2 * pi) / 2 + 1 / (12 * moved) - 1 / (360 * moved**3)
    for place in range(SHIFT):
        gamma = gamma - (successes + place).log()
    constant = successes * successes.log() - successes - gamma
    powers = successes * (counts / mean).log() - (successes / counts).log1p() / 2
    return powers + constant + ratio + inverse / 12
