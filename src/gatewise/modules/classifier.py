"""The interface of all classifiers, networks and baselines alike."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from gatewise.data.batching import Examples, computed_in_batches
from gatewise.data.sequences.sequences import Mixture
from gatewise.modules.network import Baseline, Network
from gatewise.modules.weighted import total_weight, weighted_cross_entropy


class Classifier(Network):
    """A network that computes a logit for each class."""

    @abstractmethod
    def logits(self, batch: Any) -> Tensor:
        """Computes the logits [B, K] of a batch of B examples for K classes."""

    @property
    def differentiable(self) -> Classifier:
        """The part whose logits have a gradient with respect to the batch, for attributions."""
        return self

    def loss(self, batch: Any) -> Tensor:
        """The mean cross-entropy in nats, weighted if the batch has example weights."""
        return weighted_cross_entropy(
            self.logits(batch), batch.labels, _weights(batch), mixture=_mixture(batch)
        )

    def weight(self, batch: Any) -> float:
        """The sum of the example weights; the number of examples if the batch has no weights."""
        return total_weight(_weights(batch), len(batch[0]))


def _weights(batch: Any) -> Tensor | None:
    """[B]: the example weights; None for batches without them, such as images and clips."""
    return getattr(batch, "weights", None)


def _mixture(batch: Any) -> Mixture | None:
    """The second labels of the examples; None for batches without them, such as images and clips."""
    return getattr(batch, "mixture", None)


class Majority(Classifier, Baseline):
    """Predicts the class frequencies of the training set for every example.

    >>> Majority(3).constant_logits(4).shape
    torch.Size([4, 3])
    """

    frequencies: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("frequencies", torch.full((classes,), 1 / classes))

    def options(self) -> dict[str, Any]:
        return {"classes": self.classes}

    def fit(self, train: Any, validation: Any) -> None:
        """Counts the classes, plus one for each (Laplace smoothing), so that none has probability zero."""
        counts = torch.bincount(train.labels, minlength=self.classes) + 1.0
        self.frequencies = counts / counts.sum()

    def logits(self, batch: Any) -> Tensor:
        return self.constant_logits(len(batch.labels))

    def constant_logits(self, rows: int) -> Tensor:
        """The same logits in each row: [rows, K]."""
        return self.frequencies.log().expand(rows, -1)


def predict_probabilities(network: Classifier, dataset: Examples[Any]) -> Tensor:
    """Predicts the class probabilities [N, K] of all examples of a dataset."""
    network.eval()
    return computed_in_batches(dataset, lambda batch: network.logits(batch).softmax(-1))
