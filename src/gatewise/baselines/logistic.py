"""Multinomial logistic regression, the baseline of everything that has classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

PENALTIES = (1.0, 0.1, 0.01, 0.001, 0.0001)  # each regression begins where the one before ended
ITERATIONS = 100  # of L-BFGS, for each penalty
SMALL = 1 << 28  # products for all scores below which threads would mostly wait for each other


def fit_logistic(
    features: Tensor, labels: Tensor, held: Tensor, held_labels: Tensor, classes: int
) -> tuple[Tensor, Tensor]:
    """Weights [V, F] and bias [V] of `p(class | x) = softmax(W x + b)`.

    `argmin mean(-ln p) + penalty / 2 * |W|^2` over standardized features [N, F], by
    L-BFGS in float64; the penalty whose `-ln p` is lowest on the held-out features (Hoerl and Kennard 1970).

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> weight, bias = fit_logistic(x, torch.tensor([0, 0, 1, 1]), x, torch.tensor([0, 0, 1, 1]), classes=2)
    >>> (x @ weight.T + bias).argmax(1)
    tensor([0, 0, 1, 1])
    """
    mean = features.double().mean(0)
    deviation = features.double().std(0, unbiased=False)
    deviation = torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0)
    scaled, held = (features.double() - mean) / deviation, (held.double() - mean) / deviation
    weight = torch.zeros(classes, features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    best, kept = torch.inf, (weight.detach(), bias.detach())
    with _threads(1 if scaled.numel() * classes < SMALL else torch.get_num_threads()):
        for penalty in PENALTIES:
            _descend(weight, bias, scaled, labels, penalty)
            with torch.no_grad():
                loss = float(functional.cross_entropy(held @ weight.T + bias, held_labels))
                if loss < best:
                    best, kept = loss, (weight.clone(), bias.clone())
    weight, bias = kept[0] / deviation, kept[1] - kept[0] @ (mean / deviation)
    return weight.float(), bias.float()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Sets the number of PyTorch's threads in a context."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.enable_grad()
def _descend(weight: Tensor, bias: Tensor, scaled: Tensor, labels: Tensor, penalty: float) -> None:
    """Moves weight and bias to the minimum for a penalty."""
    descent = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def objective() -> float:
        descent.zero_grad()
        loss = functional.cross_entropy(scaled @ weight.T + bias, labels)
        loss = loss + 0.5 * penalty * weight.square().sum()
        loss.backward()
        return float(loss.detach())

    descent.step(objective)
