"""Ridge regression on class indicators, with calibrated probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.modules.temperature import choose_temperature

PENALTIES = np.logspace(-3, 3, 10)


class RidgeFit(NamedTuple):
    """Logits `W x + b`: the weight [K, F] and the bias [K]; and those of each example left out, [N, K]."""

    weight: Tensor
    bias: Tensor
    left_out: Tensor


def fit_ridge_classifier(
    features: Tensor, labels: Tensor, classes: int, weights: Tensor | None = None
) -> RidgeFit:
    """Fits `p(class | x) = softmax(t (W x + b))`.

    `W, b = argmin |Y - Z W^T - b|^2 + penalty |W|^2` over standardized features Z, where `Y_nk` is 1 for the
    class of example n and -1 for the others. The penalty has the least leave-one-out error, and `t` the least
    cross-entropy of the leave-one-out predictions, so that no validation set is needed.

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
    from sklearn.linear_model import RidgeCV

    all_left_out = torch.zeros(len(labels), classes)
    counted = torch.ones(len(labels), dtype=torch.bool)
    if weights is not None:  # an example without weight has no leave-one-out prediction
        counted = weights > 0
        features, labels, weights = features[counted], labels[counted], weights[counted]
    values = features.double().numpy()
    mean, deviation = values.mean(0), values.std(0)
    deviation[deviation < 1e-6] = 1.0
    targets = 2 * np.eye(classes)[labels.numpy()] - 1
    model = RidgeCV(PENALTIES, scoring="neg_mean_squared_error", store_cv_results=True)
    model.fit(
        (values - mean) / deviation, targets, sample_weight=None if weights is None else weights.numpy()
    )
    left_out = torch.from_numpy(model.cv_results_[..., int(np.argmin(np.abs(PENALTIES - model.alpha_)))])
    temperature = choose_temperature(left_out.unsqueeze(0), labels, weights)
    weight = temperature * model.coef_ / deviation
    bias = temperature * model.intercept_ - weight @ mean
    all_left_out[counted] = (temperature * left_out).float()
    return RidgeFit(torch.from_numpy(weight).float(), torch.from_numpy(bias).float(), all_left_out)
