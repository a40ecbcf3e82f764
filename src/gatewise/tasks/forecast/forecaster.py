"""The interface of all forecasters, networks and baselines alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.data.series.windows import WindowBatch, Windows
from gatewise.modules.head import Head
from gatewise.modules.levels import LEVELS, median_index, require_levels, symmetric_pairs
from gatewise.modules.network import Network
from gatewise.tasks.forecast.linear import fit_ridge, flat_window
from gatewise.tasks.forecast.normalization import Normalization, normalize, window_units
from gatewise.tasks.forecast.paths import TEMPLATES, rank_errors

Skip = Literal["none", "linear"]
MIN_REACH = 1e-6  # of an interval around the median, in standard deviations


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

    @property
    def features(self) -> int:
        """The values of a window as one vector, as `flat_window` returns it."""
        return 1 + self.context * (1 + self.observed) + self.horizon * self.known


class Forecaster(Network):
    """Forecasts the quantiles of each step of the horizon, in scaled units.

    levels: of the quantiles, ascending, with 0.5: the median is the point forecast
    """

    def __init__(self, shape: ForecastShape, levels: Sequence[float] = LEVELS) -> None:
        super().__init__()
        self.shape, self.quantile_levels = shape, require_levels(levels)
        self.median_index = median_index(levels)

    @abstractmethod
    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        """past [B, L, 1 + C + D] and future [B, Q, C] -> the raw output that `quantiles` takes."""

    @abstractmethod
    def quantiles(self, raw: Tensor) -> Tensor:
        """The raw output of `forward` -> [B, Q, n], in rising order."""

    def options(self) -> dict[str, Any]:
        return {"shape": asdict(self.shape), "levels": list(self.quantile_levels)}

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        return cls(**{**options, "shape": ForecastShape(**options["shape"])})


class HeadedForecaster(Forecaster):
    """A forecaster that ends in a head and is trained by its loss.

    normalization: the units of the layers, as in `window_units`; the output is in the units of the series
    skip: "linear" adds a linear forecast from the window, which `initialize` fits by ridge regression;
        the layers then learn what it does not. "none" forecasts relative to the last value

    After training, `calibrate` scales its intervals to their nominal coverage of the validation set:
    `q -> median + stretch * (q - median)` (conformal prediction; Romano et al. 2019). Distributions of values
    that are not negative stay as they are: their quantiles may be whole numbers, or zero.

    dependence: whether `calibrate` learns how the errors of different steps depend on each other, for paths
    """

    stretch: Tensor
    templates: Tensor | None
    skip_reads_future: ClassVar[bool] = True  # whether a covariate of a step affects all steps

    def __init__(
        self,
        shape: ForecastShape,
        head: Head,
        normalization: Normalization = "window",
        skip: Skip = "none",
        dependence: bool = False,
    ) -> None:
        super().__init__(shape, head.quantile_levels)
        self.head, self.normalization = head, normalization
        width = shape.features - (0 if self.skip_reads_future else shape.horizon * shape.known)
        self.skip = nn.Linear(width, shape.horizon) if skip == "linear" else None
        self.register_buffer("stretch", torch.ones(len(self.quantile_levels)))
        self.register_buffer("templates", torch.zeros(TEMPLATES, shape.horizon) if dependence else None)

    @abstractmethod
    def raw(self, past: Tensor, future: Tensor, origin: Tensor) -> Tensor:
        """The raw output of the head, in the units of the windows.

        past, future: as in `forward`, in these units; origin: what the head is relative to, [B, Q]
        """

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        units = window_units(past[:, :, 0], self.normalization)
        past = normalize(past, units)
        origin = past[:, -1, :1].expand(-1, self.shape.horizon)
        if self.skip is not None:
            origin = origin + self.skip(self.skip_features(past, future))
        return self.head.rescale(self.raw(past, future, origin), *units)

    def skip_features(self, past: Tensor, future: Tensor) -> Tensor:
        """The inputs of the linear skip, [B, F]."""
        if self.skip_reads_future:
            return flat_window(past, future)
        without_known = torch.cat([past[:, :, :1], past[:, :, 1 + self.shape.known :]], dim=-1)
        return flat_window(without_known, future[:, :, :0])

    def initialize(self, train: Windows, validation: Windows) -> None:
        """Fits the linear skip, if there is one."""
        if self.skip is not None:
            fit_ridge(self.skip, train, validation, self.normalization, self.skip_features)

    def quantiles(self, raw: Tensor) -> Tensor:
        quantiles = self.head.quantiles(raw)
        median = quantiles[..., self.median_index, None]
        return (median + self.stretch * (quantiles - median)).sort(dim=-1).values

    def loss(self, batch: WindowBatch) -> Tensor:
        return self.head.loss(self(batch.past, batch.future), batch.truth)

    def options(self) -> dict[str, Any]:
        skip = "none" if self.skip is None else "linear"
        return {
            **super().options(),
            "normalization": self.normalization,
            "skip": skip,
            "dependence": self.templates is not None,
        }

    def calibrate(self, quantiles: Tensor, truth: Tensor) -> None:
        """Learns the factors with which quantiles have their nominal coverage, and the dependence of steps.

        The levels p and 1 - p have a factor in common; a level without such a partner has its own.

        quantiles: [windows, Q, n], forecast without a factor; truth: [windows, Q]
        """
        if self.templates is not None:
            arrays = quantiles.double().cpu().numpy(), truth.double().cpu().numpy()
            self.templates.copy_(torch.from_numpy(rank_errors(*arrays, self.quantile_levels)))
        if self.head.support != "real":
            return
        levels, median = self.quantile_levels, quantiles[..., self.median_index]
        error, pairs = truth - median, symmetric_pairs(self.quantile_levels)
        for low, high in pairs:
            reach = torch.where(error > 0, quantiles[..., high] - median, median - quantiles[..., low])
            self.stretch[[low, high]] = _factor(error.abs(), reach, levels[high] - levels[low])
        paired = {self.median_index, *(place for pair in pairs for place in pair)}
        for place in set(range(len(levels))) - paired:
            side = 1 if place > self.median_index else -1
            reach = side * (quantiles[..., place] - median)
            self.stretch[place] = _factor(side * error, reach, max(levels[place], 1 - levels[place]))


def _factor(error: Tensor, reach: Tensor, coverage: float) -> float:
    """The factor for which a fraction `coverage` of the errors is within the reach of the quantiles."""
    needed = (error / reach.clamp(min=MIN_REACH)).cpu().numpy()
    return max(float(np.quantile(needed, coverage)), 0.0)
