"""The recurrent forecasting networks: a stack of any cell, and a grid with depth as an axis."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from gatewise.cells import GRU, LSTM, RNN
from gatewise.cells.base import CellType
from gatewise.cells.catalogue import require_sequence
from gatewise.cells.exchange import to_data
from gatewise.cells.grid import Transform
from gatewise.errors import GatewiseError
from gatewise.layers import GridLSTM, Recurrent
from gatewise.networks.forecaster import ForecastShape, HeadedForecaster
from gatewise.networks.heads import HEADS

TRANSFORMS: dict[Transform, CellType] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


class RecurrentForecaster(HeadedForecaster):
    """Layers read the past; their last hidden and the known future feed a head.

    The network sees the target relative to its last value, and foretells changes from there.
    """

    @abstractmethod
    def summary(self, past: Tensor) -> Tensor:
        """past [B, L, F], F being the values of a step and the relative target -> [B, H]."""

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        origin = past[:, -1, :1]
        relative = past[:, :, :1] - origin.unsqueeze(1)
        summary = self.summary(torch.cat([relative, past], dim=-1))
        return self.head(torch.cat([summary, future.flatten(1)], dim=-1), origin)


class ForecastNetwork(RecurrentForecaster):
    """A stack of any cell reads the past; its last hidden and the known future feed a head.

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

    def summary(self, past: Tensor) -> Tensor:
        output, _ = self.recurrent(past.transpose(0, 1))
        return output[-1]

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


class GridForecastNetwork(RecurrentForecaster):
    """A Grid LSTM over time and depth reads the past; its last hidden and the known future feed a head.

    transform: what runs along both axes, "lstm", "gru" or "rnn"; hidden: H of either axis
    layers: the size of the axis of depth; tied: one set of weights for all of it; else each layer has its own
    head: "quantiles" (pinball loss) or "student-t" (likelihood)

    >>> network = GridForecastNetwork(ForecastShape(context=24, horizon=6), hidden=16, layers=3)
    >>> network.quantiles(network(torch.randn(4, 24, 1), torch.randn(4, 6, 0))).shape
    torch.Size([4, 6, 9])
    """

    def __init__(
        self,
        shape: ForecastShape,
        transform: Transform = "lstm",
        hidden: int = 64,
        layers: int = 1,
        tied: bool = True,
        head: str = "quantiles",
    ) -> None:
        super().__init__(shape, HEADS[head](hidden + shape.horizon * shape.known, shape.horizon))
        self.recurrent = GridLSTM(1 + shape.inputs, hidden, layers, tied=tied, transform=transform)
        self._options = {
            "transform": transform, "hidden": hidden, "layers": layers, "tied": tied, "head": head
        }  # fmt: skip

    def summary(self, past: Tensor) -> Tensor:
        output, _ = self.recurrent(past)
        return output[:, -1]

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


def transform_of(cell: CellType) -> Transform:
    """What runs along the axes of a grid whose equations are those of a cell.

    >>> transform_of(GRU)
    'gru'

    Errors: `GatewiseError` where there is no such transform.
    """
    lines = to_data(cell)["lines"]
    for transform, one in TRANSFORMS.items():
        if lines == to_data(one)["lines"]:
            return transform
    raise GatewiseError(f"the cell {cell.__name__} does not fit a grid; give lstm, gru or rnn")


def require_fit(cell: CellType, network: str) -> None:
    """Whether a forecast's "stack" or "grid" can be made of a cell. Errors: `GatewiseError` where not."""
    if network == "grid":
        transform_of(cell)
    else:
        require_sequence(cell, "for a series give --network grid, and lstm, gru or rnn as the cell")
