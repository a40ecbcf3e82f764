"""Scores of predicted classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def confusion(probabilities: Tensor, truth: Tensor) -> Tensor:
    """The confusion matrix [K, K]: true classes in rows, predicted classes in columns.

    Args:
        probabilities: [N, K]
        truth: [N], class numbers
    """
    classes = probabilities.shape[-1]
    pairs = truth * classes + probabilities.argmax(-1)
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def class_scores(probabilities: Tensor, truth: Tensor) -> dict[str, float]:
    """The scores of predicted probabilities; each class counts the same in those that are means over classes.

    - accuracy: the fraction of correct predictions
    - balanced_accuracy: the mean recall of the classes that occur
    - f1: the mean of `2 correct_k / (true_k + predicted_k)` over the classes that occur or are predicted
    - auc: see `macro_auc`
    - cross_entropy: the mean of `-ln p(true class)`, in nats

    Args:
        probabilities: [N, K]
        truth: [N], class numbers

    >>> scores = class_scores(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 1, 0]))
    >>> round(scores["accuracy"], 3), scores["balanced_accuracy"]
    (0.667, 0.75)
    """
    table = confusion(probabilities, truth).double()
    correct, occurring, predicted = table.diagonal(), table.sum(1), table.sum(0)
    total = occurring + predicted
    likelihood = probabilities[torch.arange(len(truth)), truth].clamp(min=1e-12)
    return {
        "accuracy": float((probabilities.argmax(-1) == truth).float().mean()),
        "balanced_accuracy": float((correct / occurring)[occurring > 0].mean()),
        "f1": float((2 * correct / total)[total > 0].mean()),
        "auc": macro_auc(probabilities, truth),
        "cross_entropy": float(-likelihood.log().mean()),
    }


def macro_auc(probabilities: Tensor, truth: Tensor) -> float:
    """The mean area under the ROC curve of each class against all others; NaN if only one class occurs.

    The area is the probability that an example of the class has a higher probability of it than another
    example, where ties count half (Hanley and McNeil 1982).

    Args:
        probabilities: [N, K]
        truth: [N], class numbers

    >>> macro_auc(torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4]]), torch.tensor([0, 0, 1]))
    0.5
    """
    values = probabilities.T.contiguous()
    ordered = values.sort(dim=1).values
    first, last = (torch.searchsorted(ordered, values, right=right) for right in (False, True))
    ranks = (first + last + 1).double() / 2  # equal values have the mean of their ranks
    members = functional.one_hot(truth, len(values)).T.double()
    inside = members.sum(1)
    pairs = inside * (len(truth) - inside)
    above = (ranks * members).sum(1) - inside * (inside + 1) / 2
    return float((above / pairs)[pairs > 0].mean())
