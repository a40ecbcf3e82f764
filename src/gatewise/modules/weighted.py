"""Weighted losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MIN_WEIGHT = torch.finfo(torch.float32).tiny  # the weight of a batch whose weights are all zero


def weighted_cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """The mean cross-entropy in nats, `sum(w_n * -ln p_n) / sum(w_n)`.

    Args:
        logits: [N, K]
        labels: [N], class numbers
        weights: [N], not negative; None for equal weights
        smoothing: the probability that is distributed over all classes (Szegedy et al. 2016)

    >>> logits, labels = torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.tensor([0, 1])
    >>> weighted_cross_entropy(logits, labels, torch.tensor([1.0, 0.0]))
    tensor(0.6931)
    """
    if weights is None:
        return functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    losses = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
    weights = weights.to(losses.dtype)
    return (weights * losses).sum() / weights.sum().clamp(min=MIN_WEIGHT)
