"""The recurrent network that predicts numbers from a sequence."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.targets import TargetBatch
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_encoder import SequenceEncoder
from gatewise.tasks.regress.regressor import LossKind, Regressor


class SequenceRegressor(SequenceEncoder, Regressor):
    """A stack of recurrent layers, pooling over time and a linear layer: `y = V pool(h_1 ... h_T) + b`.

    Args:
        cell: the cell of all layers
        channels: C, the number of input channels
        targets: K, the number of targets
        hidden: H, the hidden units of each direction
        layers: the number of layers
        heads: groups of units of each layer, see `Recurrent`
        dropout: the dropout rate between the layers and before the output layer
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`
        loss: "squared", "absolute" or "huber", see `Regressor`
        gaps, decay: what is read beside the values, see `GapInputs`

    >>> import torch
    >>> from gatewise.cells import LSTM
    >>> network = SequenceRegressor(LSTM, channels=3, targets=2, hidden=8)
    >>> batch = TargetBatch(torch.randn(4, 7, 3), torch.tensor([7, 2, 5, 1]), torch.zeros(4, 2))
    >>> network.outputs(batch).shape
    torch.Size([4, 2])
    """

    targets: nn.Linear

    def __init__(
        self,
        cell: CellType,
        channels: int,
        targets: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = True,
        pooling: PoolingMode = "mean",
        loss: LossKind = "squared",
        gaps: GapKind = "none",
        decay: bool = False,
    ) -> None:
        given = constructor_arguments(locals())
        super().__init__(**arguments_of(SequenceEncoder, given))
        self.loss_kind = loss
        self.targets = nn.Linear(self.width, targets)
        self._options = given

    def outputs(self, batch: TargetBatch) -> Tensor:
        predicted: Tensor = self.targets(self.encode(batch.values, batch.lengths, batch.gaps))
        return predicted

    def options(self) -> dict[str, Any]:
        return dict(self._options)
