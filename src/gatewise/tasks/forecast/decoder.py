"""An encoder-decoder forecaster: one stack reads the past, another runs over the horizon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.layers import Recurrent
from gatewise.modules.gap_inputs import TimedRecurrent
from gatewise.modules.heads import HEADS
from gatewise.modules.levels import LEVELS
from gatewise.tasks.forecast.forecaster import ForecastShape, Skip
from gatewise.tasks.forecast.network import Front, PastReader, static_size, with_embedded
from gatewise.tasks.forecast.normalization import Normalization


class EncoderDecoderForecastNetwork(PastReader):
    """An encoder reads the past; a decoder starts from its final states and runs over the horizon.

    At each step the decoder reads the known covariates of that step, the vector of static inputs and how far
    ahead it is; one head for all steps reads these and the decoder's hidden state. No forecast is fed back:
    the horizon is one call of the layer, and training and inference have the same inputs (Sutskever et al.
    2014; Wen et al. 2017).

    cell: the equations of both; hidden, layers: H and the depth of each; dropout: between layers
    heads: groups of units of each layer, see `Recurrent`
    head: "quantiles" (pinball loss) or "student-t" (likelihood); front: "none" or "convolution"
    normalization: "window" or "series"; skip: "linear" or "none", as in `HeadedForecaster`
    levels: of the quantiles, ascending, with 0.5; dependence, anchor: as in `HeadedForecaster`

    >>> from gatewise.cells import LSTM
    >>> shape = ForecastShape(context=24, horizon=6, known=2)
    >>> network = EncoderDecoderForecastNetwork(shape, LSTM, hidden=16)
    >>> network.quantiles(network(torch.randn(4, 24, 3), torch.randn(4, 6, 2))).shape
    torch.Size([4, 6, 9])
    """

    encoder: Recurrent | TimedRecurrent
    decoder: Recurrent | TimedRecurrent
    ahead: Tensor
    skip_reads_future = False

    def __init__(
        self,
        shape: ForecastShape,
        cell: CellType,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        head: str = "quantiles",
        front: Front = "none",
        normalization: Normalization = "window",
        skip: Skip = "linear",
        levels: Sequence[float] = LEVELS,
        dependence: bool = False,
        anchor: bool = False,
    ) -> None:
        step_features = 1 + shape.known + static_size(shape)
        one_step = HEADS[head](hidden + step_features, 1, levels)
        timed = shape.irregular and cell.reads_elapsed
        super().__init__(shape, one_step, front, normalization, skip, dependence, anchor, timed=timed)
        between = dropout if layers > 1 else 0.0
        stack: dict[str, Any] = {"batch_first": True, "dropout": between, "heads": heads}
        kind = TimedRecurrent if timed else Recurrent
        self.encoder = kind(cell, self.features, hidden, layers, **stack)
        self.decoder = kind(cell, step_features + timed, hidden, layers, **stack)
        self.register_buffer("ahead", torch.arange(1, shape.horizon + 1) / shape.horizon, persistent=False)
        self._options = {
            "cell": cell,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "head": head,
            "front": front,
        }

    def raw(self, past: Tensor, future: Tensor, static: Tensor, origin: Tensor) -> Tensor:
        embedded = self.embed(static)
        _, state = self.encoder(self.relative(past, embedded))
        ahead = self.ahead.expand(past.shape[0], -1).unsqueeze(-1)
        steps = with_embedded(torch.cat([ahead, future], dim=-1), embedded)
        # As `elapsed_before`; the future has no target.
        elapsed = future[:, :, :1].expm1() if self.timed else future[:, :, :0]
        output, _ = self.decoder(torch.cat([steps, elapsed], dim=-1), state)
        features = torch.cat([output, steps], dim=-1).flatten(0, 1)
        return self.head(features, origin.reshape(-1, 1)).view(past.shape[0], self.shape.horizon, -1)

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}
