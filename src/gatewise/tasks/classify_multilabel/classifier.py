"""The interface of all networks and baselines that predict sets of labels."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.data.batching import computed_in_batches
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.modules.network import Network
from gatewise.modules.temperature import choose_temperature
from gatewise.modules.weighted import total_weight, weighted_mean
from gatewise.tasks.classify_multilabel.thresholds import HALF, ThresholdKind, f1_thresholds


class MultilabelClassifier(Network):
    """A network that computes a logit for each of L labels, which are independent: `p = sigmoid(z)`."""

    label_thresholds: Tensor

    @abstractmethod
    def logits(self, batch: TargetBatch) -> Tensor:
        """Computes the logits [B, L] of a batch of B sequences."""

    @property
    def differentiable(self) -> MultilabelClassifier:
        """The part whose logits have a gradient with respect to the batch, for attributions."""
        return self

    def loss(self, batch: TargetBatch) -> Tensor:
        """The weighted mean of the binary cross-entropy over labels and sequences, in nats."""
        return binary_cross_entropy(self.logits(batch), batch.targets, batch.weights, batch.target_weights)

    def weight(self, batch: TargetBatch) -> float:
        """The sum of the weights of the sequences; their number if they have no weights."""
        weights = weights_of_labels(batch.weights, batch.target_weights)
        own = weights if weights is None or weights.ndim == 1 else weights.mean(1)
        return total_weight(own, len(batch.values))

    @property
    def thresholds(self) -> Tensor:
        """[L], or one for all: a label is predicted from this probability on."""
        return getattr(self, "label_thresholds", torch.tensor(HALF))

    def register_thresholds(self, labels: int, kind: ThresholdKind) -> None:
        """Lets the network have a threshold for each of L labels, if `kind` is "f1"."""
        if kind == "f1":
            self.register_buffer("label_thresholds", torch.full((labels,), HALF))

    def choose_thresholds(self, logits: Tensor, truth: Tensor, weights: Tensor | None) -> None:
        """Chooses the thresholds, if the network has them, see `f1_thresholds`. logits: [N, L]"""
        if hasattr(self, "label_thresholds"):
            self.label_thresholds = f1_thresholds(logits.sigmoid(), truth, weights)


def binary_cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, target_weights: Tensor | None = None
) -> Tensor:
    """The weighted mean of the binary cross-entropy over N sequences and L labels, in nats.

    Args:
        logits: [N, L]
        targets: [N, L], 1 for the labels of a sequence, else 0
        weights: [N], of the sequences; None if equal
        target_weights: [N, L], of their labels, present or absent; None if equal
    """
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    if target_weights is None:
        return weighted_mean(losses.mean(1), weights)
    both = weights_of_labels(weights, target_weights)
    assert both is not None
    return weighted_mean(losses.flatten(), both.flatten())


def weights_of_labels(weights: Tensor | None, target_weights: Tensor | None) -> Tensor | None:
    """The product [N, L] of the weights of sequences and labels; [N] if labels have none, None if both."""
    if weights is None or target_weights is None:
        return weights if target_weights is None else target_weights
    return weights[:, None] * target_weights


def predict_probabilities(network: MultilabelClassifier, sequences: TargetSequences) -> Tensor:
    """Predicts the probability of each label for all sequences, [N, L]."""
    network.eval()
    return computed_in_batches(sequences, lambda batch: network.logits(batch).sigmoid())


def label_temperatures(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """[L]: the factor of the logits of each label that calibrates its probability, see `choose_temperature`.

    Args:
        logits: [N, L], of sequences that they were not fitted to
        targets: [N, L], 1 for the labels of a sequence, else 0
        weights: [N]; None if equal
    """
    columns = zip(logits.T, targets.T, strict=True)
    return torch.tensor([_temperature(column[None], truth, weights) for column, truth in columns])


def shared_temperature(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> float:
    """The factor of the logits of all labels that calibrates their probabilities.

    Args:
        logits: [M, N, L], of M networks for sequences that they have not seen
        targets: [N, L], 1 for the labels of a sequence, else 0
        weights: [N], or [N, L] for each label; None if equal
    """
    repeated = None if weights is None else weights.reshape(len(targets), -1).expand(targets.shape).flatten()
    return _temperature(logits.flatten(1), targets.flatten(), repeated)


def _temperature(logits: Tensor, truth: Tensor, weights: Tensor | None) -> float:
    """The factor of binary logits [M, N]: a sigmoid is the softmax of a logit and 0."""
    both = torch.stack([torch.zeros_like(logits), logits], dim=-1)
    return choose_temperature(both, truth.long(), weights)
