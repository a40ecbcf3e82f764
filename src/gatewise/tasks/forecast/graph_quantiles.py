"""Quantiles of distributions as operations that graphs of ONNX and PyTorch have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from gatewise.modules.count_heads import NegativeBinomialHead, TweedieHead
from gatewise.modules.head import Head

LARGEST_COUNT = 4096  # of a quantile in a graph, which has each probability up to it


def graph_quantiles(head: Head) -> Callable[[Tensor], Tensor]:
    """`head.quantiles` for graphs; quantiles above `LARGEST_COUNT` of a negative binomial head are NaN."""
    if isinstance(head, NegativeBinomialHead):
        return partial(binomial_quantiles, head.quantile_levels)
    if isinstance(head, TweedieHead):
        return partial(head.quantiles_with, power=float(head.power.detach()))
    return head.quantiles


def binomial_quantiles(levels: Sequence[float], raw: Tensor, largest: int = LARGEST_COUNT) -> Tensor:
    """The quantiles [..., n] of negative binomial distributions, exact up to a count and NaN above it.

    The logarithms of the ratios of neighbouring probabilities are summed:
    `p(k) / p(k - 1) = (k - 1 + 1/a) / k * a m / (1 + a m)`.

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
    return torch.where(found <= largest, found.double(), torch.nan).to(raw)
