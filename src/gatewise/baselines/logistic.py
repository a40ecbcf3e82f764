"""Multinomial logistic regression, a baseline of all tasks with classes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.modules.weighted import weighted_cross_entropy

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PENALTIES = (1.0, 0.1, 0.01, 0.001, 0.0001)
MAX_ITERATIONS = 100  # of L-BFGS, for each penalty


class LinearModel(NamedTuple):
    """`logits = W x + b`: weight [K, F] and bias [K] in float64."""

    weight: Tensor
    bias: Tensor


def fit_logistic(
    features: Tensor,
    labels: Tensor,
    validation: Tensor,
    validation_labels: Tensor,
    classes: int,
    weights: Tensor | None = None,
    validation_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Fits `p(class | x) = softmax(W x + b)` with an L2 penalty that is chosen on a validation set.

    `argmin mean(-ln p) + penalty / 2 * |W|^2` over standardized features (Hoerl and Kennard 1970)

    Args:
        features: [N, F]
        labels: [N], class numbers
        validation: [M, F]
        validation_labels: [M], class numbers
        classes: K, the number of classes
        weights: [N], of the mean; None if equal
        validation_weights: [M], of the mean; None if equal

    Returns:
        the weight [K, F] and the bias [K]

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> weight, bias = fit_logistic(x, torch.tensor([0, 0, 1, 1]), x, torch.tensor([0, 0, 1, 1]), classes=2)
    >>> (x @ weight.T + bias).argmax(1)
    tensor([0, 0, 1, 1])
    """
    mean = features.double().mean(0)
    deviation = features.double().std(0, unbiased=False)
    deviation = torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0)
    scaled, validation = (features.double() - mean) / deviation, (validation.double() - mean) / deviation

    def validation_loss(model: LinearModel) -> float:
        return float(
            weighted_cross_entropy(
                validation @ model.weight.T + model.bias, validation_labels, validation_weights
            )
        )

    sample_weights = None if weights is None else weights.double().numpy()
    path = fit_path(scaled.numpy(), labels.numpy(), classes, PENALTIES, sample_weights)
    best = min(path, key=validation_loss)
    weight, bias = best.weight / deviation, best.bias - best.weight @ (mean / deviation)
    return weight.float(), bias.float()


def fit_path(
    features: np.ndarray | csr_array,
    labels: np.ndarray,
    classes: int,
    penalties: Sequence[float],
    weights: np.ndarray | None = None,
) -> Iterator[LinearModel]:
    """Fits a model for each penalty by scikit-learn; each fit starts from the previous model.

    `argmin mean(-ln p) + penalty / 2 * |W|^2`

    Args:
        features: [N, F], dense or sparse
        labels: [N], class numbers
        classes: K, the number of classes
        penalties: in descending order
        weights: [N], of the mean; None if equal
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present, total = np.unique(labels), len(labels) if weights is None else float(weights.sum())
    # Of two classes scikit-learn fits the difference of their weights, and penalizes half its square.
    halves = np.array([[-0.5], [0.5]]) if len(present) == 2 else None
    model = LogisticRegression(max_iter=MAX_ITERATIONS, tol=1e-6, warm_start=True)
    for penalty in penalties if len(present) > 1 else ():
        model.set_params(C=(1 if halves is None else 2) / (penalty * total))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of iterations is a limit
            model.fit(features, labels, sample_weight=weights)
        weight, bias = np.zeros((classes, features.shape[1])), np.zeros(classes)
        weight[present] = model.coef_ if halves is None else halves * model.coef_
        bias[present] = model.intercept_ if halves is None else halves[:, 0] * model.intercept_
        absent = np.setdiff1d(np.arange(classes), present)
        bias[absent] = bias[present].min() - np.log(len(labels))
        yield LinearModel(torch.from_numpy(weight), torch.from_numpy(bias))
    if len(present) == 1:
        bias = np.log((np.bincount(labels, minlength=classes) + 1) / (len(labels) + classes))
        yield LinearModel(torch.zeros(classes, features.shape[1]).double(), torch.from_numpy(bias))
