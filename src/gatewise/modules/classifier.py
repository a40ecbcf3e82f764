"""The interface of all classifiers, networks and baselines alike, and their scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gatewise.modules.network import Baseline, Network
from gatewise.modules.weighted import weighted_cross_entropy

EXAMPLES_AT_ONCE, STEPS_AT_ONCE = 256, 1 << 14


class Classifier(Network):
    """A network that computes a logit for each class."""

    @abstractmethod
    def logits(self, batch: Any) -> Tensor:
        """A batch of B examples -> [B, K], K classes."""

    def loss(self, batch: Any) -> Tensor:
        """The mean cross-entropy, in nats, by the weights of the examples if the batch has weights."""
        return weighted_cross_entropy(self.logits(batch), batch.labels, _weights(batch))

    def weight(self, batch: Any) -> float:
        """The sum of the weights of the examples; their number if they have none."""
        weights = _weights(batch)
        return super().weight(batch) if weights is None else float(weights.sum())


def _weights(batch: Any) -> Tensor | None:
    """[B]: the weights of the examples; None if they have none, as images and clips."""
    return getattr(batch, "weights", None)


class Majority(Classifier, Baseline):
    """Predicts the class frequencies of the training set for every example.

    >>> Majority(3).logits_of(4).shape
    torch.Size([4, 3])
    """

    frequencies: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("frequencies", torch.full((classes,), 1 / classes))

    def options(self) -> dict[str, Any]:
        return {"classes": self.classes}

    def learn(self, train: Any, validation: Any) -> None:
        """Counts the classes, each once more than it occurs, so that none has probability zero."""
        counts = torch.bincount(train.labels, minlength=self.classes) + 1.0
        self.frequencies = counts / counts.sum()

    def logits(self, batch: Any) -> Tensor:
        return self.logits_of(len(batch.labels))

    def logits_of(self, rows: int) -> Tensor:
        """[rows, K]: the same logits in each row."""
        return self.frequencies.log().expand(rows, -1)


def in_batches(dataset: Any, among: Tensor | None = None) -> Iterator[tuple[Tensor, Any]]:
    """Iterates over all examples, or those of the numbers `among`: their numbers, and the batch.

    Examples of similar size share a batch; batches of long examples are small, to save memory.
    """
    numbers = torch.arange(len(dataset)) if among is None else among
    sizes = getattr(dataset, "sizes", None)
    if sizes is not None:
        numbers = numbers[torch.as_tensor(sizes)[numbers].argsort(stable=True)]
    first = 0
    while first < len(numbers):
        batch = numbers[first : first + EXAMPLES_AT_ONCE]
        if sizes is not None:
            batch = batch[: max(STEPS_AT_ONCE // max(int(sizes[int(batch[-1])]), 1), 1)]
        yield batch, dataset.__getitems__(batch.tolist())
        first += len(batch)


def predict_probabilities(network: Classifier, dataset: Any) -> Tensor:
    """[N, K]: the class probabilities of each example of a dataset."""
    network.eval()
    parts, numbers = [], []
    with torch.inference_mode():
        for which, batch in in_batches(dataset):
            parts.append(network.logits(batch).softmax(-1))
            numbers.append(which)
    return torch.cat(parts)[torch.cat(numbers).argsort()]


def confusion(probabilities: Tensor, truth: Tensor) -> Tensor:
    """[K, K]: how many examples of the class of a row were predicted as the class of a column.

    probabilities: [N, K]; truth: [N] class numbers
    """
    classes = probabilities.shape[-1]
    pairs = truth * classes + probabilities.argmax(-1)
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def class_scores(probabilities: Tensor, truth: Tensor) -> dict[str, float]:
    """Accuracy, macro F1 over the classes that occur or are predicted, and the cross-entropy in nats.

    `F1_k = 2 correct_k / (true_k + predicted_k)`; probabilities: [N, K]; truth: [N]

    >>> class_scores(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 1, 0]))["accuracy"]
    0.6666666865348816
    """
    table = confusion(probabilities, truth).double()
    total = table.sum(0) + table.sum(1)
    f1 = 2 * table.diagonal()[total > 0] / total[total > 0]
    likelihood = probabilities[torch.arange(len(truth)), truth].clamp(min=1e-12)
    return {
        "accuracy": float((probabilities.argmax(-1) == truth).float().mean()),
        "f1": float(f1.mean()),
        "cross_entropy": float(-likelihood.log().mean()),
    }
