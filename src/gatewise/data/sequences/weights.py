"""The weights of examples in the loss: given ones, and those that balance the classes."""

from __future__ import annotations

import numpy as np


def balancing_weights(labels: np.ndarray, train: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """[N]: the weights times a factor by which all classes have the same total in the training set.

    Args:
        labels: [N], class numbers
        train: the numbers of the training examples
        weights: [N]; None if equal

    >>> balancing_weights(np.array([0, 0, 0, 1]), np.arange(4), None)
    array([0.33333333, 0.33333333, 0.33333333, 1.        ])
    """
    given = np.ones(len(labels)) if weights is None else weights
    totals = np.bincount(labels[train], weights=given[train], minlength=labels.max() + 1)
    return given / np.where(totals > 0, totals, 1.0)[labels]


def balancing_target_weights(
    targets: np.ndarray, train: np.ndarray, weights: np.ndarray | None
) -> np.ndarray:
    """[N, L]: factors by which a label has the same total present and absent in the training set.

    Their mean over the training set is 1 for each label.

    Args:
        targets: [N, L], 1 for the labels of a sequence, else 0
        train: the numbers of the training examples
        weights: [N]; None if equal

    >>> balancing_target_weights(np.array([[0.0], [0], [0], [1]]), np.arange(4), None).ravel()
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    given = np.ones(len(targets)) if weights is None else weights
    frequencies = np.average(targets[train], axis=0, weights=given[train])
    own = np.where(targets > 0, frequencies, 1 - frequencies)
    return np.where(own > 0, 0.5 / np.where(own > 0, own, 1.0), 1.0)


def relative_weights(weights: np.ndarray | None) -> np.ndarray | None:
    """Weights as fractions of the largest one; None if all are equal, so that they have no effect.

    >>> relative_weights(np.array([1, 4, 2])), relative_weights(np.array([3, 3]))
    (array([0.25, 1.  , 0.5 ]), None)
    """
    return None if weights is None or np.ptp(weights) == 0 else weights / weights.max()
