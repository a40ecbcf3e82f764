"""Ridge regression whose penalty is chosen by leave-one-out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

PENALTIES = np.logspace(-3, 3, 10)


class RidgeFit(NamedTuple):
    """Outputs `W x + b`: the weight [K, F] and the bias [K]; and those of each example left out, [N, K]."""

    weight: Tensor
    bias: Tensor
    left_out: Tensor


def fit_ridge(features: Tensor, targets: Tensor, weights: Tensor | None = None) -> RidgeFit:
    """Fits `W, b = argmin |Y - Z W^T - b|^2 + penalty |W|^2` over standardized features Z, in float64.

    The penalty has the least leave-one-out error, so that no validation set is needed.

    Args:
        features: [N, F]
        targets: [N, K]
        weights: [N], of the squares, not all zero; None if equal

    Returns:
        the outputs; those left out are zero for an example without weight

    Source: Hoerl and Kennard 1970; Rifkin and Lippert 2007.

    >>> x = torch.arange(6.0)[:, None]
    >>> fitted = fit_ridge(x, 2 * x + 1)
    >>> (x @ fitted.weight.T.float() + fitted.bias.float())[:3, 0].round(decimals=1)
    tensor([1., 3., 5.])
    """
    from sklearn.linear_model import RidgeCV

    all_left_out = torch.zeros(targets.shape, dtype=torch.float64)
    counted = torch.ones(len(targets), dtype=torch.bool)
    if weights is not None:  # an example without weight has no leave-one-out prediction
        counted = weights > 0
        features, targets, weights = features[counted], targets[counted], weights[counted]
    values = features.double().numpy()
    mean, deviation = values.mean(0), values.std(0)
    deviation[deviation < 1e-6] = 1.0
    model = RidgeCV(PENALTIES, scoring="neg_mean_squared_error", store_cv_results=True)
    model.fit(
        (values - mean) / deviation,
        targets.double().numpy(),
        sample_weight=None if weights is None else weights.numpy(),
    )
    weight = np.atleast_2d(model.coef_) / deviation
    bias = np.atleast_1d(model.intercept_) - weight @ mean
    left_out = model.cv_results_[..., int(np.argmin(np.abs(PENALTIES - model.alpha_)))]
    all_left_out[counted] = torch.from_numpy(left_out).reshape(len(values), -1)
    return RidgeFit(torch.from_numpy(weight), torch.from_numpy(bias), all_left_out)
