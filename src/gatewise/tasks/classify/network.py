"""The default network of sequences: recurrent layers beside random convolutions."""

from __future__ import annotations

from math import log
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.data.batching import iterate_batches
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.sequences import SequenceBatch, Sequences
from gatewise.modules.classifier import Classifier, predict_probabilities
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.modules.sequence_encoder import ConvolutionKind
from gatewise.modules.sequence_ensemble import SequenceEnsemble
from gatewise.modules.temperature import choose_temperature
from gatewise.modules.weighted import weighted_cross_entropy
from gatewise.tasks.classify.minirocket import MiniRocket

LARGEST_PRIOR = 1 / 2  # the fraction of the recurrent layers without evidence, after many training sequences
HALF_PRIOR = 200  # the training sequences after which it is half as large: networks need more than ridge
PRIOR_EXAMPLES = 20  # the validation sequences that count as much as the prior


class HybridClassifier(Classifier):
    """Recurrent layers and `MiniRocket`, each trained alone: their log-probabilities are averaged.

    `ln p = w ln p_recurrent + (1 - w) ln p_rocket + const`

    Gradient descent trains the recurrent layers; `complete` fits the rest, and chooses `w` on the validation
    set. The two err on different sequences, so that their mean is often better than either.

    Args:
        length: the length of the longest training sequence
        members: M, the number of recurrent networks whose probabilities are averaged, see `SequenceEnsemble`
        cell, ...: of each recurrent network, as in `SequenceClassifier`

    >>> from gatewise.cells import LSTM
    >>> network = HybridClassifier(LSTM, channels=3, classes=5, length=7, hidden=8)
    >>> labels = torch.tensor([4, 0])
    >>> network.logits(SequenceBatch(torch.randn(2, 7, 3), torch.tensor([7, 2]), labels)).shape
    torch.Size([2, 5])
    """

    seed: Tensor
    fraction: Tensor

    def __init__(
        self,
        cell: CellType,
        channels: int,
        classes: int,
        length: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
        label_smoothing: float = 0.1,
        filters: int = 0,
        convolutions: ConvolutionKind = "plain",
        members: int = 1,
        gaps: GapKind = "none",
        decay: bool = False,
    ) -> None:
        given = constructor_arguments(locals())
        super().__init__()
        self.stack = recurrent_classifier(members, **arguments_of(SequenceClassifier, given))
        self.rocket = MiniRocket(channels, classes, length)
        self.length = length
        self.register_buffer("seed", torch.randint(2**31, ()))  # of the random convolutions
        self.register_buffer("fraction", torch.tensor(LARGEST_PRIOR))

    @property
    def differentiable(self) -> Classifier:
        return self.stack  # the features of random convolutions are counts

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The loss of the stack, which is trained alone."""
        return self.stack.loss(batch)

    def complete(self, train: Sequences, validation: Sequences) -> None:
        """Fits the random convolutions, and the fraction `w` of the trained recurrent layers.

        With folds, both sets are the same, and every example counts by predictions without it.
        """
        calibrate(self.stack, validation)
        recurrent = _log_probabilities(self.stack, validation)
        if train.folds is None:
            self.rocket.fit(train, validation, int(self.seed))
            rocket = _log_probabilities(self.rocket, validation)
        else:
            rocket = self.rocket.fit_left_out(train, int(self.seed)).log_softmax(-1)
        prior = LARGEST_PRIOR * len(train) / (len(train) + HALF_PRIOR)
        self.fraction = torch.tensor(
            choose_fraction(recurrent, rocket, validation.labels, prior, validation.weights)
        )

    def refit(self, train: Sequences, validation: Sequences) -> None:
        if train.folds is None:  # else it was fitted to all sequences
            self.rocket.refit(train, validation, int(self.seed))

    def logits(self, batch: SequenceBatch) -> Tensor:
        """The logits [B, K]; with folds those of the recurrent layers, since the rest was fitted to all."""
        recurrent = self.stack.logits(batch).log_softmax(-1)
        if batch.folds is not None:
            return recurrent
        return torch.lerp(self.rocket.logits(batch).log_softmax(-1), recurrent, self.fraction)

    def options(self) -> dict[str, Any]:
        return {"members": 1, **self.stack.options(), "length": self.length}


def _log_probabilities(network: Classifier, examples: Sequences) -> Tensor:
    """[N, K]: ln p of each class."""
    probabilities = predict_probabilities(network, examples)
    return probabilities.clamp(min=torch.finfo(probabilities.dtype).tiny).log()


def calibrate(network: SequenceClassifier | SequenceEnsemble, validation: Sequences) -> None:
    """Scales the logits by the temperature with the least cross-entropy on the validation set."""
    network.eval()
    logits, numbers = [], []
    with torch.inference_mode():
        for rows, batch in iterate_batches(validation):
            logits.append(network.member_logits(batch))
            numbers.append(rows)
    order = torch.cat(numbers)
    weights = None if validation.weights is None else validation.weights[order]
    network.scale_logits(choose_temperature(torch.cat(logits, dim=1), validation.labels[order], weights))


def recurrent_classifier(members: int, **options: Any) -> SequenceClassifier | SequenceEnsemble:
    """A recurrent classifier, or an ensemble of several; the options are those of `SequenceClassifier`."""
    return SequenceClassifier(**options) if members == 1 else SequenceEnsemble(members, **options)


def choose_fraction(
    first: Tensor, second: Tensor, labels: Tensor, prior: float, weights: Tensor | None = None
) -> float:
    """The most probable fraction w of the first in `ln p = w ln p_1 + (1 - w) ln p_2 + const`.

    `argmin N * cross-entropy - 20 * (prior ln w + (1 - prior) ln(1 - w))`: a Beta distribution around the
    prior counts as twenty examples, so that a few don't decide.

    Args:
        first: [N, K], log-probabilities
        second: [N, K], log-probabilities
        labels: [N], class numbers
        prior: the fraction without evidence, between 0 and 1
        weights: [N]; None if equal

    >>> right, wrong = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.1, 0.9]]).log()
    >>> labels = torch.zeros(500, dtype=torch.long)
    >>> choose_fraction(right.expand(500, -1), wrong.expand(500, -1), labels, prior=0.25) > 0.9
    True
    """

    def cost(fraction: float) -> float:
        loss = weighted_cross_entropy(torch.lerp(second, first, fraction), labels, weights)
        evidence = prior * log(fraction) + (1 - prior) * log(1 - fraction)
        return len(labels) * float(loss) - PRIOR_EXAMPLES * evidence

    return min((step / 100 for step in range(1, 100)), key=cost)
