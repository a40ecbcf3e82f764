"""The interface of all forecasters, networks and baselines alike."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.data.series.windows import WindowBatch, Windows, no_static
from gatewise.modules.head import Head
from gatewise.modules.levels import LEVELS, median_index, require_levels, symmetric_pairs
from gatewise.modules.network import Network
from gatewise.tasks.forecast.linear import fit_ridge, flat_window
from gatewise.tasks.forecast.normalization import Normalization, normalize, window_units
from gatewise.tasks.forecast.paths import TEMPLATES, rank_errors

Skip = Literal["none", "linear"]
RawOutput = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
LAYER_WEIGHTS = (1.0, 0.75, 0.5, 0.25, 0.0)
MIN_REACH = 1e-6  # of an interval around the median, in standard deviations


class FittedRidge(NamedTuple):
    """Ridge regression, its penalty, and whether it is fitted again after the validation set was scored."""

    linear: nn.Linear
    penalty: float
    refits: bool


@dataclass(frozen=True)
class ForecastShape:
    """The sizes of a forecasting problem.

    context: L, the past steps that are read; horizon: Q, the steps to forecast; period: of the series
    known, observed: C and D, the covariates known in advance and only up to the present
    static: S, the inputs of static columns
    irregular: whether the first known covariate is `ln(1 + e)` of the time e since the step before
    """

    context: int
    horizon: int
    period: int = 1
    known: int = 0
    observed: int = 0
    static: int = 0
    irregular: bool = False

    @property
    def inputs(self) -> int:
        """The values of a past step: the target and all covariates."""
        return 1 + self.known + self.observed

    @property
    def features(self) -> int:
        """The values of a window as one vector, as `flat_window` returns it."""
        return 1 + self.context * (1 + self.observed) + self.horizon * self.known + self.static


class Forecaster(Network):
    """Forecasts the quantiles of each step of the horizon, in scaled units.

    levels: of the quantiles, ascending, with 0.5: the median is the point forecast
    """

    shape: ForecastShape
    quantile_levels: tuple[float, ...]
    median_index: int

    def __init__(self, shape: ForecastShape, levels: Sequence[float] = LEVELS) -> None:
        super().__init__()
        self.shape, self.quantile_levels = shape, require_levels(levels)
        self.median_index = median_index(levels)

    @abstractmethod
    def forward(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> Tensor:
        """past [B, L, 1 + C + D], future [B, Q, C] and static [B, S], if there are any -> raw output.

        `quantiles` takes the raw output.
        """

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
    anchor: whether `weigh_layers` may shrink the forecast towards that of ridge regression, and `refit` may
        fit this again on the training and validation set; it needs a linear skip and a head of real values
    """

    head: Head
    skip: nn.Linear | None
    stretch: Tensor
    templates: Tensor | None
    layer_weight: Tensor | None
    anchor_weight: Tensor
    anchor_bias: Tensor
    ridge: FittedRidge | None = None  # the one of `initialize`
    skip_reads_future: ClassVar[bool] = True  # whether a covariate of a step affects all steps

    def __init__(
        self,
        shape: ForecastShape,
        head: Head,
        normalization: Normalization = "window",
        skip: Skip = "none",
        dependence: bool = False,
        anchor: bool = False,
    ) -> None:
        super().__init__(shape, head.quantile_levels)
        self.head, self.normalization = head, normalization
        width = shape.features - (0 if self.skip_reads_future else shape.horizon * shape.known)
        self.skip = nn.Linear(width, shape.horizon) if skip == "linear" else None
        self.register_buffer("stretch", torch.ones(len(self.quantile_levels)))
        self.register_buffer("templates", torch.zeros(TEMPLATES, shape.horizon) if dependence else None)
        anchored = anchor and self.skip is not None and head.support == "real"
        self.register_buffer("layer_weight", torch.ones(()) if anchored else None)
        self.register_buffer("anchor_weight", torch.zeros(shape.horizon, width) if anchored else None)
        self.register_buffer("anchor_bias", torch.zeros(shape.horizon) if anchored else None)

    @abstractmethod
    def raw(self, past: Tensor, future: Tensor, static: Tensor, origin: Tensor) -> Tensor:
        """The raw output of the head, in the units of the windows.

        past, future, static: as in `forward`, in these units; origin: what the head is relative to, [B, Q]
        """

    def forward(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> Tensor:
        return self.forecast(self.raw, past, future, static)

    def forecast(
        self, raw_of: RawOutput, past: Tensor, future: Tensor, static: Tensor | None = None
    ) -> Tensor:
        """As `forward`, by the layers of `raw_of`, which is like `raw`."""
        static = no_static(past) if static is None else static
        units = window_units(past[:, :, 0], self.normalization)
        last, past = past[:, -1:, 0], normalize(past, units)
        origin = past[:, -1, :1].expand(-1, self.shape.horizon)
        if self.skip is None:
            return self.head.rescale(raw_of(past, future, static, origin), *units)
        features = self.skip_features(past, future, static)
        raw = self.head.rescale(raw_of(past, future, static, origin + self.skip(features)), *units)
        if self.layer_weight is None:
            return raw
        changes = functional.linear(features, self.anchor_weight, self.anchor_bias) * units.scale
        center, weight = self.head.center(raw), self.layer_weight
        return self.head.rescale(raw, (weight - 1) * (center - last) + changes, torch.ones_like(last))

    def skip_features(self, past: Tensor, future: Tensor, static: Tensor) -> Tensor:
        """The inputs of the linear skip, [B, F]."""
        if self.skip_reads_future:
            return flat_window(past, future, static)
        without_known = torch.cat([past[:, :, :1], past[:, :, 1 + self.shape.known :]], dim=-1)
        return flat_window(without_known, future[:, :, :0], static)

    def initialize(self, train: Windows, validation: Windows, refits: bool = False) -> None:
        """Fits the linear skip, if there is one. refits: whether `refit` fits ridge regression again"""
        if self.skip is not None:
            penalty = fit_ridge(self.skip, train, validation, self.normalization, self.skip_features)
            self.ridge = FittedRidge(copy.deepcopy(self.skip).requires_grad_(False), penalty, refits)

    @torch.no_grad()
    def reset(self, train: Windows, validation: Windows, refits: bool = False) -> None:
        """Undoes `calibrate` and `weigh_layers`, and fits the ridge regression that the latter compares with.

        For a trained network that is trained further; its linear skip keeps its parameters.
        """
        self.stretch.fill_(1)
        if self.skip is None:
            return
        linear = nn.Linear(self.skip.in_features, self.skip.out_features).requires_grad_(False)
        penalty = fit_ridge(linear, train, validation, self.normalization, self.skip_features)
        self.ridge = FittedRidge(linear, penalty, refits)
        if self.layer_weight is not None:
            self.layer_weight.fill_(1)
            self.anchor_weight.zero_()
            self.anchor_bias.zero_()

    @torch.no_grad()
    def weigh_layers(self, validation: Windows) -> None:
        """Learns the weight of the trained network, beside ridge regression, with the least absolute error.

        Their mean is `w * network + (1 - w) * ridge`, for the w of `LAYER_WEIGHTS` that is best on the
        validation set. Layers that learned little of use in few windows thus lose influence.
        """
        if self.layer_weight is None or self.ridge is None:
            return
        linear, errors = self.ridge.linear, torch.zeros(len(LAYER_WEIGHTS)).double()
        for batch in validation.blocks():
            units = window_units(batch.past[:, :, 0], self.normalization)
            features = self.skip_features(normalize(batch.past, units), batch.future, batch.static)
            ridge = batch.past[:, -1:, 0] + linear(features) * units.scale
            center = self.head.center(self(*batch.inputs))
            for place, weight in enumerate(LAYER_WEIGHTS):
                errors[place] += (batch.truth - torch.lerp(ridge, center, weight)).abs().nansum().double()
        self._shrink(LAYER_WEIGHTS[int(errors.argmin())], linear)

    @torch.no_grad()
    def refit(self, train: Windows, validation: Windows) -> None:
        """Fits ridge regression again, on both sets, and adds the difference to the forecasts."""
        if self.layer_weight is None or self.ridge is None or not self.ridge.refits:
            return
        before, penalty, _ = self.ridge
        after, both = copy.deepcopy(before), train.joined(validation)
        fit_ridge(after, both, validation, self.normalization, self.skip_features, (penalty,))
        self.anchor_weight += after.weight - before.weight
        self.anchor_bias += after.bias - before.bias

    @torch.no_grad()
    def initialize_again(self, train: Windows, is_new: bool) -> None:
        """Fits ridge regression to other windows, with its penalty, and the linear skip of a new network."""
        if self.skip is None or self.ridge is None:
            return
        linear, penalty, _ = self.ridge
        fit_ridge(linear, train, train, self.normalization, self.skip_features, (penalty,))
        if is_new:
            self.skip.load_state_dict(linear.state_dict())

    @torch.no_grad()
    def calibrate_as(self, other: HeadedForecaster) -> None:
        """Takes the factors, the dependence of steps and the weight of the layers of a calibrated network."""
        self.stretch.copy_(other.stretch)
        if self.templates is not None and other.templates is not None:
            self.templates.copy_(other.templates)
        if self.layer_weight is not None and other.layer_weight is not None and self.ridge is not None:
            self._shrink(float(other.layer_weight), self.ridge.linear)

    def _shrink(self, weight: float, linear: nn.Linear) -> None:
        """Makes the forecast a mean of this network, with a weight, and of ridge regression."""
        assert self.layer_weight is not None
        self.layer_weight.fill_(weight)
        self.anchor_weight.copy_((1 - weight) * linear.weight)
        self.anchor_bias.copy_((1 - weight) * linear.bias)

    def quantiles(self, raw: Tensor) -> Tensor:
        return self.calibrated(self.head.quantiles(raw))

    def calibrated(self, quantiles: Tensor) -> Tensor:
        """The quantiles [B, Q, n] of the head, with the factors of `calibrate`."""
        median = quantiles[..., self.median_index, None]
        return (median + self.stretch * (quantiles - median)).sort(dim=-1).values

    def loss(self, batch: WindowBatch) -> Tensor:
        return self.loss_of(self(*batch.inputs), batch.truth)

    def loss_of(self, raw: Tensor, truth: Tensor) -> Tensor:
        """The loss of a raw output of `forward`. truth: [B, Q], NaN where it is missing"""
        there = ~truth.isnan()
        if there.all():
            return self.head.loss(raw, truth)
        return self.head.loss(raw[there], truth[there]) if there.any() else 0 * raw.sum()

    def options(self) -> dict[str, Any]:
        skip = "none" if self.skip is None else "linear"
        return {
            **super().options(),
            "normalization": self.normalization,
            "skip": skip,
            "dependence": self.templates is not None,
            "anchor": self.layer_weight is not None,
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
    """The factor for which a fraction `coverage` of the errors is within the reach of the quantiles.

    error: NaN where it is missing
    """
    needed = (error / reach.clamp(min=MIN_REACH)).cpu().numpy()
    return max(float(np.nanquantile(needed, coverage)), 0.0)
