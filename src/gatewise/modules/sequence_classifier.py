"""The recurrent classifier of sequences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.modules.classifier import Classifier
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_encoder import ConvolutionKind, SequenceEncoder
from gatewise.modules.weighted import weighted_cross_entropy


class SequenceClassifier(SequenceEncoder, Classifier):
    """A stack of recurrent layers, pooling over time and a linear layer: `logits = V pool(h_1 ... h_T) + b`.

    Convolutions may read the sequence beside the layers: `logits = V [pool(h_1 ... h_T), f(x)] + b`.

    Args:
        cell: the cell of all layers
        channels: C, the number of input channels
        classes: K, the number of classes
        hidden: H, the hidden units of each direction
        layers: the number of layers
        heads: groups of units of each layer, see `Recurrent`
        dropout: the dropout rate between the layers and before the logits
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`
        label_smoothing: the probability that the loss in training distributes over all classes
        filters: the output features of the convolutions beside the layers; 0 for no convolutions
        convolutions: "plain", see `FullyConvolutional`, or "inception", see `Inception`
        gaps, decay: what is read beside the values, see `GapInputs`

    Source: Karim, Majumdar, Darabi and Chen 2018 (LSTM-FCN), whose layer reads a sequence as one step; here
    it reads step by step.

    >>> from gatewise.cells import LSTM
    >>> network = SequenceClassifier(LSTM, channels=3, classes=5, hidden=8)
    >>> labels = torch.tensor([4, 0])
    >>> network.logits(SequenceBatch(torch.randn(2, 7, 3), torch.tensor([7, 2]), labels)).shape
    torch.Size([2, 5])
    """

    classes: nn.Linear

    def __init__(
        self,
        cell: CellType,
        channels: int,
        classes: int,
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
        gaps: GapKind = "none",
        decay: bool = False,
    ) -> None:
        given = constructor_arguments(locals())
        super().__init__(**arguments_of(SequenceEncoder, given))
        self.label_smoothing = label_smoothing
        self.classes = nn.Linear(self.width, classes)
        self._options = given

    def logits(self, batch: SequenceBatch) -> Tensor:
        return self.classes(self.encode(batch.values, batch.lengths, batch.gaps))

    def member_logits(self, batch: SequenceBatch) -> Tensor:
        """The logits as those of an ensemble of one network: [1, B, K]."""
        return self.logits(batch).unsqueeze(0)

    def scale_logits(self, factor: float) -> None:
        """Multiplies all logits by a factor, the inverse of a temperature."""
        with torch.no_grad():
            for parameter in self.classes.parameters():
                parameter.mul_(factor)

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The mean cross-entropy in nats, with smoothed labels in training only."""
        smoothing = self.label_smoothing if self.training else 0.0
        return weighted_cross_entropy(
            self.logits(batch), batch.labels, batch.weights, smoothing, batch.mixture
        )

    def options(self) -> dict[str, Any]:
        return dict(self._options)
