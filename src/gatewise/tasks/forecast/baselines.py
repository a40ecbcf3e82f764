"""Baselines for forecasting: naive, seasonal naive, ridge regression, and a multilayer perceptron."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.data.series.windows import WindowBatch, Windows, no_static
from gatewise.errors import GatewiseError
from gatewise.modules.heads import HEADS, pinball
from gatewise.modules.levels import LEVELS
from gatewise.modules.network import Baseline
from gatewise.tasks.forecast.forecaster import Forecaster, ForecastShape, HeadedForecaster, Skip
from gatewise.tasks.forecast.linear import fit_ridge, flat_window
from gatewise.tasks.forecast.normalization import Normalization, normalize, window_units


class PointForecast(Forecaster, Baseline):
    """A point forecast, with quantiles from its errors on the validation set, for each step ahead.

    Each error counts with both signs, so that the point forecast is the median.
    """

    levels: Tensor
    offsets: Tensor

    def __init__(self, shape: ForecastShape, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(shape, levels)
        self.register_buffer("levels", torch.tensor(levels))
        self.register_buffer("offsets", torch.zeros(shape.horizon, len(levels)))

    @abstractmethod
    def point(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> Tensor:
        """past [B, L, 1 + C + D], future [B, Q, C] and static [B, S], if there are any -> [B, Q]."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Computes the quantiles of the errors: `quantile(+-(truth - point))` over the validation windows."""
        batch = validation.all()
        errors = batch.truth - self.point(*batch.inputs)
        self.offsets = torch.nanquantile(torch.cat([errors, -errors]), self.levels, dim=0).T.contiguous()

    def forward(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> Tensor:
        return self.point(past, future, static).unsqueeze(-1) + self.offsets

    def quantiles(self, raw: Tensor) -> Tensor:
        return raw

    def loss(self, batch: WindowBatch) -> Tensor:
        return 2 * pinball(self(*batch.inputs), batch.truth, self.levels).nanmean()


class Naive(PointForecast):
    """The last value, for every step.

    >>> shape = ForecastShape(context=3, horizon=2)
    >>> Naive(shape).point(torch.tensor([[[1.0], [2.0], [5.0]]]), torch.empty(1, 2, 0))
    tensor([[5., 5.]])
    """

    def point(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> Tensor:
        return past[:, -1:, 0].expand(-1, self.shape.horizon)


class SeasonalNaive(PointForecast):
    """The value one period before. The context must hold a period.

    >>> shape = ForecastShape(context=3, horizon=2, period=2)
    >>> SeasonalNaive(shape).point(torch.tensor([[[1.0], [2.0], [5.0]]]), torch.empty(1, 2, 0))
    tensor([[2., 5.]])
    """

    def __init__(self, shape: ForecastShape, levels: Sequence[float] = LEVELS) -> None:
        if shape.period > shape.context:
            raise GatewiseError(
                f"a period of {shape.period} does not fit into a context of {shape.context}; "
                f"give a --context of at least {shape.period}"
            )
        super().__init__(shape, levels)

    def point(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> Tensor:
        steps = torch.arange(self.shape.horizon) % self.shape.period
        return past[:, -self.shape.period :, 0][:, steps]


class Ridge(PointForecast):
    """Linear regression on window, known future and static inputs, with a penalty on squared coefficients.

    Values are relative to the last value, in the units of the window or of the series; see `fit_ridge`.

    refits: whether it is fitted again, on training and validation set, after the validation set was scored
    """

    refits: bool
    linear: nn.Linear
    penalty: float

    def __init__(
        self,
        shape: ForecastShape,
        normalization: Normalization = "window",
        levels: Sequence[float] = LEVELS,
        refits: bool = False,
    ) -> None:
        super().__init__(shape, levels)
        self.normalization, self.refits = normalization, refits
        self.linear = nn.Linear(shape.features, shape.horizon).requires_grad_(False)

    def point(self, past: Tensor, future: Tensor, static: Tensor | None = None) -> Tensor:
        units = window_units(past[:, :, 0], self.normalization)
        static = no_static(past) if static is None else static
        changes = self.linear(flat_window(normalize(past, units), future, static))
        return past[:, -1:, 0] + changes * units.scale

    def fit(self, train: Windows, validation: Windows) -> None:
        self.penalty = fit_ridge(self.linear, train, validation, self.normalization)
        super().fit(train, validation)

    def refit(self, train: Windows, validation: Windows) -> None:
        if self.refits:
            self.fit_again(train.joined(validation))

    def fit_again(self, windows: Windows) -> None:
        """Fits other windows with the penalty that was chosen."""
        fit_ridge(self.linear, windows, windows, self.normalization, penalties=(self.penalty,))

    def options(self) -> dict[str, Any]:
        return {**super().options(), "normalization": self.normalization}


class WindowMLP(HeadedForecaster):
    """A multilayer perceptron on the window, the known future and static inputs, relative to the last value.

    `summary = relu(W2 relu(W1 window))` feeds a head; trained like the networks.
    """

    body: nn.Sequential

    def __init__(
        self,
        shape: ForecastShape,
        hidden: int = 128,
        normalization: Normalization = "window",
        skip: Skip = "none",
        levels: Sequence[float] = LEVELS,
        head: str = "quantiles",
        dependence: bool = False,
        anchor: bool = False,
    ) -> None:
        super().__init__(
            shape, HEADS[head](hidden, shape.horizon, levels), normalization, skip, dependence, anchor
        )
        self.body = nn.Sequential(
            nn.Linear(shape.features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self._options = {"hidden": hidden, "head": head}

    def raw(self, past: Tensor, future: Tensor, static: Tensor, origin: Tensor) -> Tensor:
        return self.head(self.body(flat_window(past, future, static)), origin)

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}
