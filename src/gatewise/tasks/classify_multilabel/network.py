"""The recurrent network that predicts sets of labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.batching import computed_in_batches
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_encoder import SequenceEncoder
from gatewise.tasks.classify_multilabel.classifier import MultilabelClassifier, label_temperatures


class SequenceMultilabelClassifier(SequenceEncoder, MultilabelClassifier):
    """A stack of recurrent layers, pooling over time and a linear layer: `z = V pool(h_1 ... h_T) + b`.

    Args:
        cell: the cell of all layers
        channels: C, the number of input channels
        labels: L, the number of labels
        hidden: H, the hidden units of each direction
        layers: the number of layers
        dropout: the dropout rate between the layers and before the logits
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`
        gaps, decay: what is read beside the values, see `GapInputs`

    >>> from gatewise.cells import LSTM
    >>> network = SequenceMultilabelClassifier(LSTM, channels=3, labels=5, hidden=8)
    >>> batch = TargetBatch(torch.randn(4, 7, 3), torch.tensor([7, 2, 5, 1]), torch.zeros(4, 5))
    >>> network.logits(batch).shape
    torch.Size([4, 5])
    """

    def __init__(
        self,
        cell: CellType,
        channels: int,
        labels: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
        gaps: GapKind = "none",
        decay: bool = False,
    ) -> None:
        given = constructor_arguments(locals())
        super().__init__(**arguments_of(SequenceEncoder, given))
        self.labels = nn.Linear(self.width, labels)
        self._options = given

    def logits(self, batch: TargetBatch) -> Tensor:
        computed: Tensor = self.labels(self.encode(batch.values, batch.lengths, batch.gaps))
        return computed

    def calibrate(self, validation: TargetSequences) -> None:
        """Scales all logits by the factor with the least binary cross-entropy on the validation set."""
        self.eval()
        logits = computed_in_batches(validation, self.logits)
        factor = label_temperatures(logits, validation.targets, validation.weights, shared=True)
        with torch.no_grad():
            self.labels.weight.mul_(factor[:, None])
            self.labels.bias.mul_(factor)

    def options(self) -> dict[str, Any]:
        return dict(self._options)
