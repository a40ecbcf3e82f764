"""Baselines for forecasting: naive, seasonal naive, ridge regression, and a multilayer perceptron."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.data.series.windows import WindowBatch, Windows
from gatewise.errors import GatewiseError
from gatewise.modules.heads import LEVELS, QuantileHead, pinball
from gatewise.modules.network import Baseline
from gatewise.tasks.forecast.forecaster import Forecaster, ForecastShape, HeadedForecaster

RIDGE_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
MAX_RIDGE_WINDOWS = 2**16


class PointForecast(Forecaster, Baseline):
    """A point forecast, with quantiles from its errors on the validation set, for each step ahead.

    Each error counts with both signs, so that the point forecast is the median.
    """

    levels: Tensor
    offsets: Tensor

    def __init__(self, shape: ForecastShape) -> None:
        super().__init__(shape)
        self.register_buffer("levels", torch.tensor(LEVELS))
        self.register_buffer("offsets", torch.zeros(shape.horizon, len(LEVELS)))

    @abstractmethod
    def point(self, past: Tensor, future: Tensor) -> Tensor:
        """past [B, L, 1 + C + D] and future [B, Q, C] -> [B, Q]."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Computes the quantiles of the errors: `quantile(+-(truth - point))` over the validation windows."""
        batch = validation.all()
        errors = batch.truth - self.point(batch.past, batch.future)
        self.offsets = torch.quantile(torch.cat([errors, -errors]), self.levels, dim=0).T.contiguous()

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        return self.point(past, future).unsqueeze(-1) + self.offsets

    def quantiles(self, raw: Tensor) -> Tensor:
        return raw

    def loss(self, batch: WindowBatch) -> Tensor:
        return 2 * pinball(self(batch.past, batch.future), batch.truth, self.levels).mean()


class Naive(PointForecast):
    """The last value, for every step.

    >>> shape = ForecastShape(context=3, horizon=2)
    >>> Naive(shape).point(torch.tensor([[[1.0], [2.0], [5.0]]]), torch.empty(1, 2, 0))
    tensor([[5., 5.]])
    """

    def point(self, past: Tensor, future: Tensor) -> Tensor:
        return past[:, -1:, 0].expand(-1, self.shape.horizon)


class SeasonalNaive(PointForecast):
    """The value one period before. The context must hold a period.

    >>> shape = ForecastShape(context=3, horizon=2, period=2)
    >>> SeasonalNaive(shape).point(torch.tensor([[[1.0], [2.0], [5.0]]]), torch.empty(1, 2, 0))
    tensor([[2., 5.]])
    """

    def __init__(self, shape: ForecastShape) -> None:
        if shape.period > shape.context:
            raise GatewiseError(
                f"a period of {shape.period} does not fit into a context of {shape.context}; "
                f"give a --context of at least {shape.period}"
            )
        super().__init__(shape)

    def point(self, past: Tensor, future: Tensor) -> Tensor:
        steps = torch.arange(self.shape.horizon) % self.shape.period
        return past[:, -self.shape.period :, 0][:, steps]


class Ridge(PointForecast):
    """Linear regression on the window and the known future, with a penalty on the squared coefficients.

    `W = argmin |Y - X W|^2 + a |W|^2`, the penalty `a` chosen on the validation set; all values
    are relative to the last value (Hoerl and Kennard 1970). At most `MAX_RIDGE_WINDOWS` windows of the
    training set are fitted, drawn at random.
    """

    def __init__(self, shape: ForecastShape) -> None:
        super().__init__(shape)
        self.linear = nn.Linear(window_features(shape), shape.horizon).requires_grad_(False)

    def point(self, past: Tensor, future: Tensor) -> Tensor:
        origin = past[:, -1:, 0]
        return origin + self.linear(flat_window(past, future))

    def fit(self, train: Windows, validation: Windows) -> None:
        held_out, fitted = validation.all(), train.sample(MAX_RIDGE_WINDOWS)
        width = self.linear.in_features + self.shape.horizon
        means, moments = torch.zeros(width).double(), torch.zeros(width, width).double()
        for batch in fitted.blocks():
            means += self._rows(batch).sum(0) / len(fitted)
        for batch in fitted.blocks():
            centred = self._rows(batch) - means
            moments += centred.T @ centred

        def held_error(penalty: float) -> float:
            self._solve(means, moments, penalty)
            return float((held_out.truth - self.point(held_out.past, held_out.future)).abs().mean())

        self._solve(means, moments, min(RIDGE_PENALTIES, key=held_error))
        super().fit(train, validation)

    def _rows(self, batch: WindowBatch) -> Tensor:
        """[B, F + Q]: the features and the changes to predict."""
        changes = batch.truth - batch.past[:, -1:, 0]
        return torch.cat([flat_window(batch.past, batch.future), changes], dim=-1).double()

    def _solve(self, means: Tensor, moments: Tensor, penalty: float) -> None:
        """Solves `(X^T X + a I) W = X^T Y`.

        means, moments: the means of features and changes, and `Z^T Z` of their differences from these
        """
        features = self.linear.in_features
        squares, products = moments[:features].split([features, self.shape.horizon], dim=1)
        diagonal = penalty * torch.eye(features, dtype=torch.float64)
        weight = torch.linalg.solve(squares + diagonal, products).T
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(means[features:] - weight @ means[:features])


class WindowMLP(HeadedForecaster):
    """A multilayer perceptron on the window and the known future, relative to the last value.

    `summary = relu(W2 relu(W1 window))` feeds a quantile head; trained like the networks.
    """

    def __init__(self, shape: ForecastShape, hidden: int = 128) -> None:
        super().__init__(shape, QuantileHead(hidden, shape.horizon))
        self.body = nn.Sequential(
            nn.Linear(window_features(shape), hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.hidden = hidden

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        return self.head(self.body(flat_window(past, future)), past[:, -1, :1])

    def options(self) -> dict[str, Any]:
        return {**super().options(), "hidden": self.hidden}


def window_features(shape: ForecastShape) -> int:
    """The number of features that `flat_window` returns."""
    return 1 + shape.context * (1 + shape.observed) + shape.horizon * shape.known


def flat_window(past: Tensor, future: Tensor) -> Tensor:
    """[B, F]: the last value, the target relative to it, the observed and the known covariates."""
    known, level = future.shape[-1], past[:, -1:, 0]
    observed = past[:, :, 1 + known :].flatten(1)
    return torch.cat([level, past[:, :, 0] - level, observed, future.flatten(1)], dim=-1)


BASELINES: dict[str, Callable[[ForecastShape], PointForecast]] = {
    "naive": Naive,
    "seasonal-naive": SeasonalNaive,
    "ridge": Ridge,
}
