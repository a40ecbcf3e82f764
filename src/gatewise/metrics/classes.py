"""Scores of predicted classes, by scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor


def confusion(probabilities: Tensor, truth: Tensor) -> Tensor:
    """The confusion matrix [K, K]: true classes in rows, predicted classes in columns.

    Args:
        probabilities: [N, K]
        truth: [N], class numbers
    """
    from sklearn.metrics import confusion_matrix

    classes = np.arange(probabilities.shape[-1])
    return torch.from_numpy(confusion_matrix(truth, probabilities.argmax(-1), labels=classes))


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
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    true, predicted = truth.numpy(), probabilities.argmax(-1).numpy()
    likelihood = probabilities[torch.arange(len(truth)), truth].clamp(min=1e-12)
    with warnings.catch_warnings():  # of classes that are predicted and do not occur
        warnings.simplefilter("ignore", UserWarning)
        balanced = balanced_accuracy_score(true, predicted)
    return {
        "accuracy": float(accuracy_score(true, predicted)),
        "balanced_accuracy": float(balanced),
        "f1": float(f1_score(true, predicted, average="macro", zero_division=0.0)),
        "auc": macro_auc(probabilities, truth),
        "cross_entropy": float(-likelihood.log().mean()),
    }


def macro_auc(probabilities: Tensor, truth: Tensor) -> float:
    """The mean area under the ROC curve of each class against all others; NaN if only one class occurs.

    Classes that do not occur are left out (scikit-learn's own mean refuses them).

    Args:
        probabilities: [N, K]
        truth: [N], class numbers

    >>> macro_auc(torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4]]), torch.tensor([0, 0, 1]))
    0.5
    """
    from sklearn.metrics import roc_auc_score

    true, values = truth.numpy(), probabilities.numpy()
    occurring = np.unique(true)
    if len(occurring) < 2:
        return float("nan")
    return float(np.mean([roc_auc_score(true == one, values[:, one]) for one in occurring]))
