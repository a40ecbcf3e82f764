"""The recurrent forecasting networks: a stack of any cell, and a grid with depth as an axis."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import is_decaying, require_sequence
from gatewise.cells.grid import Transform
from gatewise.cells.transforms import transform_of
from gatewise.errors import GatewiseError
from gatewise.layers import GridLSTM, Recurrent
from gatewise.modules.causal_convolution import CausalConvolution
from gatewise.modules.dilated_stack import DilatedStack
from gatewise.modules.gap_inputs import DecayingRecurrent, DecayingWindow, TimedRecurrent, elapsed_before
from gatewise.modules.head import Head
from gatewise.modules.heads import HEADS
from gatewise.modules.levels import LEVELS
from gatewise.tasks.forecast.forecaster import ForecastShape, HeadedForecaster, Skip
from gatewise.tasks.forecast.normalization import Normalization

Front = Literal["none", "convolution"]
STATIC_SIZE = 16  # E, of the vector of static inputs


class PastReader(HeadedForecaster):
    """A forecaster whose layers run over the past.

    Their input holds the target twice, as it is and relative to its last value, as forecasts are, and the
    vector of the static inputs: the sum of a vector for each category, and of numbers times vectors.

    front: "none", or "convolution" for a causal convolution in front of the layers
    decay: whether the cell is `GRUD`, and the last two observed covariates are a mask, as in `DecayingWindow`
    timed: whether the layers are `TimedRecurrent`
    features: the numbers of a step that the layers read
    """

    decay: DecayingWindow | None
    front: CausalConvolution | None
    embedding: nn.Linear | None
    features: int

    def __init__(
        self,
        shape: ForecastShape,
        head: Head,
        front: Front,
        normalization: Normalization,
        skip: Skip,
        dependence: bool,
        anchor: bool,
        decay: bool = False,
        timed: bool = False,
    ) -> None:
        super().__init__(shape, head, normalization, skip, dependence, anchor)
        self.timed = timed
        self.decay = DecayingWindow(shape.irregular) if decay else None
        inputs = 1 + shape.inputs - decay
        self.front = CausalConvolution(inputs) if front == "convolution" else None
        self.embedding = nn.Linear(shape.static, STATIC_SIZE, bias=False) if shape.static else None
        self.features = inputs if self.front is None else self.front.outputs
        self.features += static_size(shape) + decay + timed

    def embed(self, static: Tensor) -> Tensor:
        """static [B, S] -> a vector of them [B, E]; E is 0 if S is."""
        return static if self.embedding is None else self.embedding(static)

    def relative(self, past: Tensor, embedded: Tensor) -> Tensor:
        """past [B, L, 1 + C + D] and embedded [B, E] -> what the layers read [B, L, features]."""
        last, since = past[:, -1:, :1], elapsed_before(past) if self.timed else past[:, :, :0]
        if self.decay is not None:
            mean = past[:, :, :1].mean(1, keepdim=True)  # else it is zero, as the values are scaled
            past, since = self.decay(past, mean if self.normalization == "mean" else torch.zeros_like(mean))
        steps = torch.cat([past[:, :, :1] - last, past], dim=-1)
        steps = steps if self.front is None else self.front(steps)
        return torch.cat([with_embedded(steps, embedded), since], dim=-1)


def static_size(shape: ForecastShape) -> int:
    """E, the size of the vector of static inputs."""
    return STATIC_SIZE if shape.static else 0


def with_embedded(steps: Tensor, embedded: Tensor) -> Tensor:
    """steps [B, T, F] with a vector [B, E] beside each step: [B, T, F + E]."""
    if not embedded.shape[1]:
        return steps
    return torch.cat([steps, embedded.unsqueeze(1).expand(-1, steps.shape[1], -1)], dim=-1)


class RecurrentForecaster(PastReader):
    """Layers run over the past; their last hidden state and the known future feed a head."""

    def __init__(
        self,
        shape: ForecastShape,
        hidden: int,
        head: str,
        front: Front,
        normalization: Normalization,
        skip: Skip,
        levels: Sequence[float],
        dependence: bool,
        anchor: bool,
        decay: bool = False,
        timed: bool = False,
    ) -> None:
        width = hidden + shape.horizon * shape.known + static_size(shape)
        summary_head = HEADS[head](width, shape.horizon, levels)
        super().__init__(shape, summary_head, front, normalization, skip, dependence, anchor, decay, timed)

    @abstractmethod
    def summary(self, steps: Tensor) -> Tensor:
        """steps [B, L, features] -> [B, H]."""

    def raw(self, past: Tensor, future: Tensor, static: Tensor, origin: Tensor) -> Tensor:
        embedded = self.embed(static)
        summary = self.summary(self.relative(past, embedded))
        return self.head(torch.cat([summary, future.flatten(1), embedded], dim=-1), origin)


class ForecastNetwork(RecurrentForecaster):
    """A stack of any cell runs over the past; its last hidden state and the known future feed a head.

    cell: the equations; hidden, layers: H and the depth of the stack; dropout: between its layers
    heads: groups of units of each layer, see `Recurrent`
    head: "quantiles" (pinball loss) or "student-t" (likelihood); front: "none" or "convolution"
    normalization: "window" or "series"; skip: "linear" or "none", as in `HeadedForecaster`
    dilations: of each layer, as in `DilatedStack`, in place of `layers`
    levels: of the quantiles, ascending, with 0.5; dependence, anchor: as in `HeadedForecaster`
    decay: as in `PastReader`, without dilations

    >>> from gatewise.cells import LSTM
    >>> network = ForecastNetwork(ForecastShape(context=24, horizon=6), LSTM, hidden=16)
    >>> network.quantiles(network(torch.randn(4, 24, 1), torch.randn(4, 6, 0))).shape
    torch.Size([4, 6, 9])
    """

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
        dilations: Sequence[int] = (),
        decay: bool = False,
    ) -> None:
        timed = shape.irregular and cell.reads_elapsed
        super().__init__(
            shape, hidden, head, front, normalization, skip, levels, dependence, anchor, decay, timed
        )
        between = dropout if max(layers, len(dilations)) > 1 else 0.0
        self.recurrent: nn.Module
        if dilations:
            self.recurrent = DilatedStack(cell, self.features, hidden, dilations, between, heads)
        elif decay:
            self.recurrent = DecayingRecurrent(
                cell, self.features, hidden, layers, 1, dropout=between, heads=heads
            )
        else:
            kind = TimedRecurrent if timed else Recurrent
            self.recurrent = kind(cell, self.features, hidden, layers, dropout=between, heads=heads)
        self._options = {
            "cell": cell,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "head": head,
            "front": front,
            "dilations": list(dilations),
            "decay": decay,
        }

    def summary(self, steps: Tensor) -> Tensor:
        output, _ = self.recurrent(steps.transpose(0, 1))
        last: Tensor = output[-1]
        return last

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


class GridForecastNetwork(RecurrentForecaster):
    """A Grid LSTM over time and depth reads the past; its last hidden state and the known future feed a head.

    transform: the cell along both axes, "lstm", "gru" or "rnn"; hidden: H of each axis
    layers: the size of the depth axis; tied: whether all layers have the same parameters
    head: "quantiles" (pinball loss) or "student-t" (likelihood); front: "none" or "convolution"
    normalization: "window" or "series"; skip: "linear" or "none", as in `HeadedForecaster`
    levels: of the quantiles, ascending, with 0.5; dependence, anchor: as in `HeadedForecaster`

    >>> network = GridForecastNetwork(ForecastShape(context=24, horizon=6), hidden=16, layers=3)
    >>> network.quantiles(network(torch.randn(4, 24, 1), torch.randn(4, 6, 0))).shape
    torch.Size([4, 6, 9])
    """

    recurrent: GridLSTM

    def __init__(
        self,
        shape: ForecastShape,
        transform: Transform = "lstm",
        *,
        hidden: int = 64,
        layers: int = 1,
        tied: bool = True,
        head: str = "quantiles",
        front: Front = "none",
        normalization: Normalization = "window",
        skip: Skip = "linear",
        levels: Sequence[float] = LEVELS,
        dependence: bool = False,
        anchor: bool = False,
    ) -> None:
        super().__init__(shape, hidden, head, front, normalization, skip, levels, dependence, anchor)
        self.recurrent = GridLSTM(self.features, hidden, layers, tied=tied, transform=transform)
        self._options = {
            "transform": transform,
            "hidden": hidden,
            "layers": layers,
            "tied": tied,
            "head": head,
            "front": front,
        }

    def summary(self, steps: Tensor) -> Tensor:
        output, _ = self.recurrent(steps)
        return output[:, -1]

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


def require_fit(cell: CellType, network: str, is_dilated: bool = False, is_irregular: bool = False) -> None:
    """Raises: `GatewiseError` if no network of this kind can be built of a cell."""
    if network == "grid":
        transform_of(cell)
        return
    require_sequence(cell, "for a series give --network grid, and lstm, gru or rnn as the cell")
    if is_decaying(cell) and (network != "stack" or is_dilated):
        raise GatewiseError(
            f"the state of the cell {cell.__name__} decays from each step of the past to the next; give "
            "--network stack without --dilations, or another cell such as gru"
        )
    if cell.reads_elapsed and is_irregular and is_dilated:
        raise GatewiseError(
            f"the cell {cell.__name__} reads the times between steps, which layers with --dilations do not "
            "get; leave out --dilations, or give another cell such as gru"
        )
