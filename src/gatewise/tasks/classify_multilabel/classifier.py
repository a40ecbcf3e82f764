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

THRESHOLD = 0.5  # a label is predicted from this probability on


class MultilabelClassifier(Network):
    """A network that computes a logit for each of L labels, which are independent: `p = sigmoid(z)`."""

    @abstractmethod
    def logits(self, batch: TargetBatch) -> Tensor:
        """Computes the logits [B, L] of a batch of B sequences."""

    def loss(self, batch: TargetBatch) -> Tensor:
        """The binary cross-entropy in nats, the mean over the labels and the weighted mean over sequences."""
        losses = functional.binary_cross_entropy_with_logits(
            self.logits(batch), batch.targets, reduction="none"
        )
        return weighted_mean(losses.mean(1), batch.weights)

    def weight(self, batch: TargetBatch) -> float:
        """The sum of the weights of the sequences; their number if they have no weights."""
        return total_weight(batch.weights, len(batch.values))


def predict_probabilities(network: MultilabelClassifier, sequences: TargetSequences) -> Tensor:
    """Predicts the probability of each label for all sequences, [N, L]."""
    network.eval()
    return computed_in_batches(sequences, lambda batch: network.logits(batch).sigmoid())


def label_temperatures(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, *, shared: bool = False
) -> Tensor:
    """[L]: the factor of the logits of each label that calibrates its probability, see `choose_temperature`.

    Args:
        logits: [N, L], of sequences that they were not fitted to
        targets: [N, L], 1 for the labels of a sequence, else 0
        weights: [N]; None if equal
        shared: whether all labels have one factor
    """
    labels = logits.shape[1]
    if shared:
        repeated = None if weights is None else weights.repeat_interleave(labels)
        return _temperature(logits.flatten(), targets.flatten(), repeated).expand(labels)
    columns = zip(logits.T, targets.T, strict=True)
    return torch.stack([_temperature(column, truth, weights) for column, truth in columns])


def _temperature(logits: Tensor, truth: Tensor, weights: Tensor | None) -> Tensor:
    """The factor of binary logits [N]: a sigmoid is the softmax of a logit and 0."""
    both = torch.stack([torch.zeros_like(logits), logits], dim=1).unsqueeze(0)
    return torch.tensor(choose_temperature(both, truth.long(), weights))
