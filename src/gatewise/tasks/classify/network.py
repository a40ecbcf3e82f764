"""Networks of sequences: recurrent layers, alone or beside random convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.data.sequences.sequences import SequenceBatch, Sequences
from gatewise.modules.classifier import Classifier
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.tasks.classify.minirocket import MiniRocket


class HybridClassifier(Classifier):
    """Recurrent layers and `MiniRocket`, each trained alone: their log-probabilities are averaged.

    `ln p = (ln p_recurrent + ln p_rocket) / 2 + const`

    Gradient descent trains the recurrent layers; the rest is fitted in closed form by `complete`. The two err
    on different sequences, so that their mean is often better than either.

    Args:
        cell: the cell of all layers
        channels: C, the number of input channels
        classes: K, the number of classes
        length: the length of the longest training sequence
        hidden: H, the hidden units of each direction
        layers: the number of layers
        dropout: the dropout rate between the layers and before the logits
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`

    >>> from gatewise.cells import LSTM
    >>> network = HybridClassifier(LSTM, channels=3, classes=5, length=7, hidden=8)
    >>> labels = torch.tensor([4, 0])
    >>> network.logits(SequenceBatch(torch.randn(2, 7, 3), torch.tensor([7, 2]), labels)).shape
    torch.Size([2, 5])
    """

    seed: Tensor

    def __init__(
        self,
        cell: CellType,
        channels: int,
        classes: int,
        length: int,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
    ) -> None:
        super().__init__()
        self.recurrent = SequenceClassifier(
            cell, channels, classes, hidden, layers, dropout, bidirectional, pooling
        )
        self.rocket = MiniRocket(channels, classes, length)
        self.length = length
        self.register_buffer("seed", torch.randint(2**31, ()))  # of the random convolutions

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The loss of the recurrent layers, which are trained alone."""
        return self.recurrent.loss(batch)

    def complete(self, train: Sequences) -> None:
        """Fits the random convolutions, after the recurrent layers were trained."""
        self.rocket.fit(train, train, int(self.seed))

    def refit(self, train: Sequences, validation: Sequences) -> None:
        self.rocket.refit(train, validation, int(self.seed))

    def logits(self, batch: SequenceBatch) -> Tensor:
        both = self.recurrent.logits(batch).log_softmax(-1) + self.rocket.logits(batch).log_softmax(-1)
        return both / 2

    def options(self) -> dict[str, Any]:
        return {**self.recurrent.options(), "length": self.length}
