"""The recurrent classifier of sequences."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.layers import Recurrent
from gatewise.modules.classifier import Classifier
from gatewise.modules.pooling import Pooling, PoolingMode


class SequenceClassifier(Classifier):
    """A stack of recurrent layers, pooling over time and a linear layer: `logits = V pool(h_1 ... h_T) + b`.

    Args:
        cell: the cell of all layers
        channels: C, the number of input channels
        classes: K, the number of classes
        hidden: H, the hidden units of each direction
        layers: the number of layers
        dropout: the dropout rate between the layers and before the logits
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`

    >>> import torch
    >>> from gatewise.cells import LSTM
    >>> network = SequenceClassifier(LSTM, channels=3, classes=5, hidden=8)
    >>> labels = torch.tensor([4, 0])
    >>> network.logits(SequenceBatch(torch.randn(2, 7, 3), torch.tensor([7, 2]), labels)).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        cell: CellType,
        channels: int,
        classes: int,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
    ) -> None:
        super().__init__()
        self.recurrent = Recurrent(
            cell,
            channels,
            hidden,
            layers,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
        )
        directions = 1 + bidirectional
        self.pooling = Pooling(pooling, directions * hidden, bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(directions * hidden, classes)
        self._options = {
            "cell": cell,
            "channels": channels,
            "classes": classes,
            "hidden": hidden,
            "layers": layers,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "pooling": pooling,
        }

    def logits(self, batch: SequenceBatch) -> Tensor:
        output, _ = self.recurrent(batch.values.transpose(0, 1), lengths=batch.lengths)
        return self.classes(self.dropout(self.pooling(output.transpose(0, 1), batch.lengths)))

    def options(self) -> dict[str, Any]:
        return dict(self._options)
