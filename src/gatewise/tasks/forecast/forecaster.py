"""The interface of all forecasters, networks and baselines alike."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.windows import WindowBatch
from gatewise.modules.heads import LEVELS, MEDIAN, QuantileHead, StudentTHead
from gatewise.modules.network import Network


@dataclass(frozen=True)
class ForecastShape:
    """The sizes of a forecasting problem.

    context: L, the past steps that are read; horizon: Q, the steps to forecast; period: of the series
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


class Forecaster(Network):
    """Forecasts the quantiles of each step of the horizon, in scaled units."""

    def __init__(self, shape: ForecastShape) -> None:
        super().__init__()
        self.shape = shape

    @abstractmethod
    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        """past [B, L, 1 + C + D] and future [B, Q, C] -> the raw output that `quantiles` takes."""

    @abstractmethod
    def quantiles(self, raw: Tensor) -> Tensor:
        """The raw output of `forward` -> [B, Q, n], in rising order."""

    def options(self) -> dict[str, Any]:
        return {"shape": asdict(self.shape)}

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        return cls(**{**options, "shape": ForecastShape(**options["shape"])})


class HeadedForecaster(Forecaster):
    """A forecaster that ends in a head and is trained by its loss.

    After training, `calibrate` scales its intervals to their nominal coverage of the validation set:
    `q -> median + stretch * (q - median)` (conformal prediction; Romano et al. 2019).
    """

    stretch: Tensor

    def __init__(self, shape: ForecastShape, head: QuantileHead | StudentTHead) -> None:
        super().__init__(shape)
        self.head = head
        self.register_buffer("stretch", torch.ones(len(head.levels)))

    def quantiles(self, raw: Tensor) -> Tensor:
        quantiles = self.head.quantiles(raw)
        median = quantiles[..., MEDIAN, None]
        return (median + self.stretch * (quantiles - median)).sort(dim=-1).values

    def loss(self, batch: WindowBatch) -> Tensor:
        return self.head.loss(self(batch.past, batch.future), batch.truth)

    def calibrate(self, quantiles: Tensor, truth: Tensor) -> None:
        """Learns, for each pair of quantiles, the factor with which they have their nominal coverage.

        quantiles: [windows, Q, n], forecast without a factor; truth: [windows, Q]
        """
        median = quantiles[..., MEDIAN]
        for low in range(MEDIAN):
            high = len(LEVELS) - 1 - low
            reach = torch.where(truth > median, quantiles[..., high] - median, median - quantiles[..., low])
            needed = (truth - median).abs() / reach.clamp(min=1e-6)
            stretch = np.quantile(needed.cpu().numpy(), LEVELS[high] - LEVELS[low])
            self.stretch[[low, high]] = float(stretch)
