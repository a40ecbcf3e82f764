"""The recurrent detector: any cell reads the past, a head gives the distribution of the next value."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import StudentT

from gatewise.cells.base import CellType
from gatewise.layers import Recurrent
from gatewise.modules.gap_inputs import DecayingRecurrent, DecayingWindow, TimedRecurrent, elapsed_before
from gatewise.modules.heads import StudentTHead
from gatewise.tasks.anomaly.detector import Detector, DetectorShape


class AnomalyNetwork(Detector):
    """A stack of any cell reads the past; a Student-t distribution predicts the next value.

    Its heavy tails keep anomalies in the training set from dominating the likelihood. Values are read as they
    are and relative to the median of the context, which one outlier does not move.

    cell: the equations; hidden, layers: H and the depth of the stack; dropout: between its layers
    decay: whether the cell is `GRUD`, and the last two observed covariates are a mask, as in `DecayingWindow`
    heads: of each layer

    >>> from gatewise.cells import LSTM
    >>> network = AnomalyNetwork(DetectorShape(context=24), LSTM, hidden=16)
    >>> network.distribution(torch.randn(4, 24, 1), torch.randn(4, 1, 0)).scale.shape
    torch.Size([4])
    """

    decay: DecayingWindow | None
    timed: bool
    head: StudentTHead

    def __init__(
        self,
        shape: DetectorShape,
        cell: CellType,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.0,
        false_alarm_rate: float = 0.01,
        decay: bool = False,
        heads: int = 1,
    ) -> None:
        super().__init__(shape, false_alarm_rate)
        between = dropout if layers > 1 else 0.0
        self.decay = DecayingWindow(shape.irregular) if decay else None
        self.timed = shape.irregular and cell.reads_elapsed
        inputs = 1 + shape.inputs + self.timed
        if decay:
            self.recurrent: Recurrent = DecayingRecurrent(
                cell, inputs, hidden, layers, 1, dropout=between, heads=heads
            )
        else:
            kind = TimedRecurrent if self.timed else Recurrent
            self.recurrent = kind(cell, inputs, hidden, layers, dropout=between, heads=heads)
        self.head = StudentTHead(hidden + shape.known, horizon=1)
        self._options = {
            "cell": cell,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "decay": decay,
        }

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        """past [B, L, 1 + C + D] and future [B, 1, C] -> location, scale, degrees of freedom [B, 3]."""
        middle = (past.shape[1] - 1) // 2  # the median, by operations that every export has
        level = past[:, :, 0].sort(dim=1).values[:, middle, None]
        since = elapsed_before(past) if self.timed else past[:, :, :0]
        if self.decay is not None:
            past, since = self.decay(past, torch.zeros_like(level[:, None]))
        steps = torch.cat([past[:, :, :1] - level[:, None], past, since], dim=-1)
        output, _ = self.recurrent(steps.transpose(0, 1))
        return self.head(torch.cat([output[-1], future[:, 0]], dim=-1), level)[:, 0]

    def distribution(self, past: Tensor, future: Tensor) -> StudentT:
        location, scale, freedom = self(past, future).unbind(-1)
        return StudentT(freedom, location, scale)

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}
