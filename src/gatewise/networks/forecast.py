"""The recurrent forecasting network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.layers.recurrent import Recurrent
from gatewise.networks.forecaster import ForecastShape, HeadedForecaster
from gatewise.networks.heads import HEADS


class ForecastNetwork(HeadedForecaster):
    """A stack of any cell reads the past; its last hidden and the known future feed a head.

    The network sees the target relative to its last value, and foretells changes from there.

    cell: the equations; hidden, layers: H and the depth of the stack; dropout: between its layers
    head: "quantiles" (pinball loss) or "student-t" (likelihood)

    >>> from gatewise.cells import LSTM
    >>> network = ForecastNetwork(ForecastShape(context=24, horizon=6), LSTM, hidden=16)
    >>> network.quantiles(network(torch.randn(4, 24, 1), torch.randn(4, 6, 0))).shape
    torch.Size([4, 6, 9])
    """

    def __init__(
        self,
        shape: ForecastShape,
        cell: CellType,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.0,
        head: str = "quantiles",
    ) -> None:
        super().__init__(shape, HEADS[head](hidden + shape.horizon * shape.known, shape.horizon))
        self.recurrent = Recurrent(
            cell, 1 + shape.inputs, hidden, layers, dropout=dropout if layers > 1 else 0.0
        )
        self._options = {"cell": cell, "hidden": hidden, "layers": layers, "dropout": dropout, "head": head}

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        origin = past[:, -1, :1]
        relative = past[:, :, :1] - origin.unsqueeze(1)
        output, _ = self.recurrent(torch.cat([relative, past], dim=-1).transpose(0, 1))
        return self.head(torch.cat([output[-1], future.flatten(1)], dim=-1), origin)

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}
