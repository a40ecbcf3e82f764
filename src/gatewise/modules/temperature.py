"""The temperature of logits, with which probabilities are calibrated."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

from gatewise.modules.weighted import weighted_cross_entropy

TEMPERATURES = torch.logspace(-1, 2, 61, dtype=torch.float64)


def choose_temperature(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> float:
    """The factor t with the least cross-entropy of `p = mean_m softmax(t z_m)`, one random guess added.

    The latter keeps the probabilities below 1 where all predictions are right.

    Args:
        logits: z, [M, N, K], of M networks for examples that they have not seen
        labels: [N], class numbers
        weights: [N]; None if equal

    Source: Guo, Pleiss, Sun and Weinberger 2017.

    >>> logits = torch.tensor([[1.0, 0.0]]).repeat(100, 1)
    >>> labels = torch.cat([torch.zeros(50), torch.ones(50)]).long()
    >>> choose_temperature(logits[None], labels) < 0.2
    True
    """
    logits = logits.double()

    def cost(temperature: Tensor) -> float:
        mean = (temperature * logits).log_softmax(-1).logsumexp(0) - log(len(logits))
        random = -mean.mean() / (len(labels) + 1)
        return float(weighted_cross_entropy(mean, labels, weights) + random)

    return float(min(TEMPERATURES, key=cost))
