"""The interface of all classifiers, networks and baselines alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gatewise.data.sequences.sequences import Mixture
from gatewise.modules.network import Baseline, Network
from gatewise.modules.weighted import weighted_cross_entropy

MAX_BATCH_EXAMPLES, MAX_BATCH_STEPS = 256, 1 << 14


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
        weights = _weights(batch)
        return super().weight(batch) if weights is None else float(weights.sum())


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


def iterate_batches(dataset: Any, numbers: Tensor | None = None) -> Iterator[tuple[Tensor, Any]]:
    """Yields the numbers and the batch of all examples, or of those with these `numbers`.

    Examples of similar size share a batch; batches of long examples are small, to save memory.
    """
    numbers = torch.arange(len(dataset)) if numbers is None else numbers
    sizes = getattr(dataset, "sizes", None)
    if sizes is not None:
        numbers = numbers[torch.as_tensor(sizes)[numbers].argsort(stable=True)]
    first = 0
    while first < len(numbers):
        batch = numbers[first : first + MAX_BATCH_EXAMPLES]
        if sizes is not None:
            batch = batch[: max(MAX_BATCH_STEPS // max(int(sizes[int(batch[-1])]), 1), 1)]
        yield batch, dataset.__getitems__(batch.tolist())
        first += len(batch)


def predict_probabilities(network: Classifier, dataset: Any) -> Tensor:
    """Predicts the class probabilities [N, K] of all examples of a dataset."""
    network.eval()
    probabilities, numbers = [], []
    with torch.inference_mode():
        for chosen, batch in iterate_batches(dataset):
            probabilities.append(network.logits(batch).softmax(-1))
            numbers.append(chosen)
    return torch.cat(probabilities)[torch.cat(numbers).argsort()]
