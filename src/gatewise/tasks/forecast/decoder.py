"""The forecast of an encoder and a decoder: one reads the past, the other walks through the horizon."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.layers import Recurrent
from gatewise.modules.heads import HEADS
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import Front, PastReader


class EncoderDecoderForecastNetwork(PastReader):
    """An encoder reads the past; a decoder goes on from its states, step by step through the horizon.

    At each step the decoder sees what is known of that step and how far ahead it is; so does one head for
    all steps, beside the decoder's hidden. No forecast is fed back: the horizon is one call of the layer,
    and use meets the same inputs as training (Sutskever et al. 2014; Wen et al. 2017).

    cell: the equations of both; hidden, layers: H and the depth of either; dropout: between layers
    head: "quantiles" (pinball loss) or "student-t" (likelihood); front: what the past goes through first

    >>> from gatewise.cells import LSTM
    >>> shape = ForecastShape(context=24, horizon=6, known=2)
    >>> network = EncoderDecoderForecastNetwork(shape, LSTM, hidden=16)
    >>> network.quantiles(network(torch.randn(4, 24, 3), torch.randn(4, 6, 2))).shape
    torch.Size([4, 6, 9])
    """

    ahead: Tensor

    def __init__(
        self,
        shape: ForecastShape,
        cell: CellType,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.0,
        head: str = "quantiles",
        front: Front = "none",
    ) -> None:
        walked = 1 + shape.known
        super().__init__(shape, HEADS[head](hidden + walked, horizon=1), front)
        between = dropout if layers > 1 else 0.0
        self.encoder = Recurrent(cell, self.seen, hidden, layers, batch_first=True, dropout=between)
        self.decoder = Recurrent(cell, walked, hidden, layers, batch_first=True, dropout=between)
        self.register_buffer("ahead", torch.arange(1, shape.horizon + 1) / shape.horizon, persistent=False)
        self._options = {
            "cell": cell, "hidden": hidden, "layers": layers, "dropout": dropout, "head": head, "front": front
        }  # fmt: skip

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        _, state = self.encoder(self.relative(past))
        ahead = self.ahead.expand(len(past), -1).unsqueeze(-1)
        steps = torch.cat([ahead, future], dim=-1)
        output, _ = self.decoder(steps, state)
        seen = torch.cat([output, steps], dim=-1).flatten(0, 1)
        origin = past[:, -1, :1].repeat_interleave(self.shape.horizon, dim=0)
        return self.head(seen, origin).view(len(past), self.shape.horizon, -1)

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}
