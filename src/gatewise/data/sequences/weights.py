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


def relative_weights(weights: np.ndarray | None) -> np.ndarray | None:
    """Weights as fractions of the largest one; None if all are equal, so that they have no effect.

    >>> relative_weights(np.array([1, 4, 2])), relative_weights(np.array([3, 3]))
    (array([0.25, 1.  , 0.5 ]), None)
    """
    return None if weights is None or np.ptp(weights) == 0 else weights / weights.max()
