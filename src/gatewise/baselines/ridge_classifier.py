"""Ridge regression on class indicators, with calibrated probabilities."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.baselines.ridge import RidgeFit, fit_ridge
from gatewise.modules.temperature import choose_temperature


def fit_ridge_classifier(
    features: Tensor, labels: Tensor, classes: int, weights: Tensor | None = None
) -> RidgeFit:
    """Fits `p(class | x) = softmax(t (W x + b))`.

    `W, b = argmin |Y - Z W^T - b|^2 + penalty |W|^2` over standardized features Z, where `Y_nk` is 1 for the
    class of example n and -1 for the others. The penalty has the least leave-one-out error, see `fit_ridge`,
    and `t` the least cross-entropy of the leave-one-out predictions, so that no validation set is needed.

    Args:
        features: [N, F]
        labels: [N], class numbers
        classes: K, the number of classes
        weights: [N], of the squares, not all zero; None if equal

    Returns:
        the logits; those left out are zero for an example without weight

    Source: Rifkin and Lippert 2007; Guo, Pleiss, Sun and Weinberger 2017 (temperature).

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> fitted = fit_ridge_classifier(x, torch.tensor([0, 0, 1, 1]), classes=2)
    >>> (x @ fitted.weight.T + fitted.bias).argmax(1)
    tensor([0, 0, 1, 1])
    """
    targets = 2 * torch.eye(classes, dtype=torch.float64)[labels] - 1
    fitted = fit_ridge(features, targets, weights)
    counted = torch.ones(len(labels), dtype=torch.bool) if weights is None else weights > 0
    temperature = choose_temperature(
        fitted.left_out[counted].unsqueeze(0), labels[counted], None if weights is None else weights[counted]
    )
    return RidgeFit(*((temperature * one).float() for one in fitted))
