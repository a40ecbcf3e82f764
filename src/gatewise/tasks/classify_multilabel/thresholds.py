"""The probability from which on each label is predicted."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

ThresholdKind = Literal["half", "f1"]
HALF = 0.5


def f1_thresholds(probabilities: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """[L]: the threshold of each label with the highest F1; of equal ones the nearest to one half.

    It is halfway between two neighbouring probabilities, and one half for a label that no sequence has.

    Args:
        probabilities: [N, L], of sequences that the network has not seen
        truth: [N, L], 1 for the labels of a sequence, else 0
        weights: [N], of the sequences; None if equal

    >>> f1_thresholds(torch.tensor([[0.1], [0.2], [0.3], [0.4]]), torch.tensor([[0.0], [0], [1], [1]]))
    tensor([0.2500])
    """
    given = torch.ones(len(truth)) if weights is None else weights
    columns = zip(probabilities.T.double(), truth.T.double(), strict=True)
    return torch.tensor([_threshold(own, labels, given.double()) for own, labels in columns])


def _threshold(probabilities: Tensor, truth: Tensor, weights: Tensor) -> float:
    total = float((weights * truth).sum())
    if not total:
        return HALF
    order = probabilities.argsort(descending=True)
    ranked, predicted = probabilities[order], weights[order].cumsum(0)
    correct = (weights * truth)[order].cumsum(0)
    cuts = (ranked + torch.cat([ranked[1:], ranked.new_zeros(1)])) / 2
    is_cut = cuts < ranked  # else the next sequence has the same probability
    f1 = torch.where(is_cut, 2 * correct / (predicted + total), -1.0)
    best = (f1 > f1.max() - 1e-9).nonzero()[:, 0]
    return float(cuts[best[(cuts[best] - HALF).abs().argmin()]])
