"""Weighted losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.data.sequences.sequences import Mixture

MIN_WEIGHT = torch.finfo(torch.float32).tiny  # the weight of a batch whose weights are all zero


def weighted_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    smoothing: float = 0.0,
    mixture: Mixture | None = None,
) -> Tensor:
    """The mean cross-entropy in nats, `sum(w_n * -ln p_n) / sum(w_n)`.

    The loss of a mixture is that of its two labels by their fractions, `-(1 - f_n) ln p_n - f_n ln p'_n`.

    Args:
        logits: [N, K]
        labels: [N], class numbers
        weights: [N], not negative; None for equal weights
        smoothing: the probability that is distributed over all classes (Szegedy et al. 2016)
        mixture: the second labels and their fractions; None if each example has one label

    >>> logits, labels = torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.tensor([0, 1])
    >>> weighted_cross_entropy(logits, labels, torch.tensor([1.0, 0.0]))
    tensor(0.6931)
    """
    if mixture is not None:
        own, other = 1 - mixture.fractions, mixture.fractions
        if weights is not None:
            own, other = weights * own, weights * other
        logits, labels = torch.cat([logits, logits]), torch.cat([labels, mixture.labels])
        weights = torch.cat([own, other])
    if weights is None:
        return functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    losses = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
    return weighted_mean(losses, weights)


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """`sum(w_n * v_n) / sum(w_n)` over the first axis; 0 if all weights are.

    Args:
        values: [N, ...]
        weights: [N], not negative; None for equal weights

    >>> weighted_mean(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 1.0]))
    tensor(2.)
    """
    if weights is None:
        return values.mean(0)
    own = weights.to(values.dtype)
    return (own.view(-1, *(1,) * (values.ndim - 1)) * values).sum(0) / own.sum().clamp(min=MIN_WEIGHT)


def total_weight(weights: Tensor | None, rows: int) -> float:
    """The sum of the weights of the rows of a batch; their number if they have no weights.

    >>> total_weight(torch.tensor([0.5, 2.0]), 2), total_weight(None, 2)
    (2.5, 2.0)
    """
    return float(rows) if weights is None else float(weights.sum())
