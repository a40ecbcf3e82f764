"""What all forecasters have in common, networks and baselines alike."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from gatewise.data.windows import WindowBatch


@dataclass(frozen=True)
class ForecastShape:
    """The sizes of a forecasting problem.

    context: L, the steps looked back on; horizon: Q, the steps foretold; period: of the series
    known, observed: C and D, the covariates known in advance and only up to the present
    """

    context: int
    horizon: int
    period: int = 1
    known: int = 0
    observed: int = 0

    @property
    def inputs(self) -> int:
        """The values of a past step: the target and all covariates."""
        return 1 + self.known + self.observed


class Forecaster(nn.Module):
    """Foretells the quantiles of each step of the horizon, in scaled units."""

    def __init__(self, shape: ForecastShape) -> None:
        super().__init__()
        self.shape = shape

    @abstractmethod
    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        """past [B, L, 1 + C + D] and future [B, Q, C] -> what `loss` and `quantiles` take."""

    @abstractmethod
    def quantiles(self, raw: Tensor) -> Tensor:
        """What `forward` gave -> [B, Q, n], rising."""

    @abstractmethod
    def loss(self, batch: WindowBatch) -> Tensor:
        """What training makes small."""

    def options(self) -> dict[str, Any]:
        """All that the constructor needs to build this model again, as plain data."""
        return {"shape": asdict(self.shape)}
