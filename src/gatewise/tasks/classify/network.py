"""The default network of sequences: recurrent layers beside random convolutions."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.data.batching import computed_in_batches
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.sequences import Sequences
from gatewise.modules.classifier import Classifier
from gatewise.modules.hybrid import Hybrid
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.modules.sequence_encoder import ConvolutionKind
from gatewise.modules.sequence_ensemble import SequenceEnsemble
from gatewise.modules.temperature import choose_temperature
from gatewise.modules.weighted import weighted_cross_entropy
from gatewise.tasks.classify.minirocket import MiniRocket


class HybridClassifier(Hybrid, Classifier):
    """Recurrent layers and `MiniRocket`, see `Hybrid`: a mean of their log-probabilities.

    `ln p = w ln p_recurrent + (1 - w) ln p_rocket + const`

    Args:
        length: the length of the longest training sequence
        members: M, the number of recurrent networks whose probabilities are averaged, see `SequenceEnsemble`
        cell, ...: of each recurrent network, as in `SequenceClassifier`

    >>> import torch
    >>> from gatewise.cells import LSTM
    >>> from gatewise.data.sequences.sequences import SequenceBatch
    >>> network = HybridClassifier(LSTM, channels=3, classes=5, length=7, hidden=8)
    >>> labels = torch.tensor([4, 0])
    >>> network.logits(SequenceBatch(torch.randn(2, 7, 3), torch.tensor([7, 2]), labels)).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        cell: CellType,
        channels: int,
        classes: int,
        length: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
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
        super().__init__(
            recurrent_classifier(members, **arguments_of(SequenceClassifier, given)),
            MiniRocket(channels, classes, length),
        )
        self.length = length

    def normalized(self, logits: Tensor) -> Tensor:
        return logits.log_softmax(-1)

    def cross_entropy(self, logits: Tensor, examples: Sequences) -> float:
        return float(weighted_cross_entropy(logits, examples.labels, examples.weights))

    def complete(self, train: Sequences, validation: Sequences) -> Tensor:
        calibrate(self.stack, validation)
        return super().complete(train, validation)

    def options(self) -> dict[str, Any]:
        return {"members": 1, **self.stack.options(), "length": self.length}


def calibrate(network: SequenceClassifier | SequenceEnsemble, validation: Sequences) -> None:
    """Scales the logits by the temperature with the least cross-entropy on the validation set."""
    network.eval()
    by_example = computed_in_batches(validation, lambda batch: network.member_logits(batch).transpose(0, 1))
    factor = choose_temperature(by_example.transpose(0, 1), validation.labels, validation.weights)
    network.scale_logits(factor)


def recurrent_classifier(members: int, **options: Any) -> SequenceClassifier | SequenceEnsemble:
    """A recurrent classifier, or an ensemble of several; the options are those of `SequenceClassifier`."""
    return SequenceClassifier(**options) if members == 1 else SequenceEnsemble(members, **options)
