"""Linear regression from windows to the changes after them, in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gatewise.data.series.windows import WindowBatch, Windows
from gatewise.tasks.forecast.normalization import Normalization, normalize, window_units

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
MAX_WINDOWS = 2**16  # that are fitted
Features = Callable[[Tensor, Tensor, Tensor], Tensor]
# past [B, L, 1 + C + D], future [B, Q, C], static [B, S] -> [B, F]


def flat_window(past: Tensor, future: Tensor, static: Tensor) -> Tensor:
    """[B, F]: the last value, the target relative to it, observed and known covariates, static inputs."""
    known, level = future.shape[-1], past[:, -1:, 0]
    observed = past[:, :, 1 + known :].flatten(1)
    return torch.cat([level, past[:, :, 0] - level, observed, future.flatten(1), static], dim=-1)


class ScaledRows(NamedTuple):
    """The features and the changes of windows, in their units, [B, F + Q], and their scales [B, 1]."""

    values: Tensor
    scale: Tensor


class Moments(NamedTuple):
    """The means [F + Q] of features and changes, and `Z^T S Z` of their differences from these."""

    means: Tensor
    products: Tensor


@torch.no_grad()
def fit_ridge(
    linear: nn.Linear,
    train: Windows,
    validation: Windows,
    normalization: Normalization,
    features: Features = flat_window,
    penalties: Sequence[float] = PENALTIES,
) -> float:
    """Fits `changes = linear(features(past, future, static))` by ridge regression, in units of the windows.

    `W = argmin sum_w s_w |y_w - W x_w|^2 + a |W|^2` over windows w of scale s, the penalty `a` chosen by the
    error on the validation set; changes are relative to the last value (Hoerl and Kennard 1970). A missing
    truth is left out: the products of its step are those of the other windows, scaled to all. At most
    `MAX_WINDOWS` windows of the training set are fitted, drawn at random.

    Returns: the penalty.
    """

    def rows(batch: WindowBatch) -> ScaledRows:
        units = window_units(batch.past[:, :, 0], normalization)
        changes = (batch.truth - batch.past[:, -1:, 0]) / units.scale
        inputs = features(normalize(batch.past, units), batch.future, batch.static)
        values = torch.cat([inputs, changes], dim=-1)
        return ScaledRows(values.double(), units.scale.double())

    moments, sizes = _moments(train.sample(MAX_WINDOWS), rows), [linear.in_features, linear.out_features]

    def held_out_error(penalty: float) -> float:
        _solve(linear, moments, penalty)
        error = 0.0
        for batch in validation.blocks():
            values, scale = rows(batch)
            inputs, changes = values.float().split(sizes, dim=1)
            error += float(((changes - linear(inputs)) * scale).abs().nansum())
        return error

    penalty = penalties[0] if len(penalties) == 1 else min(penalties, key=held_out_error)
    _solve(linear, moments, penalty)
    return penalty


def _moments(windows: Windows, rows: Callable[[WindowBatch], ScaledRows]) -> Moments:
    """The weighted moments of the windows, without missing values, for weights with a mean of one."""
    sums = [(values * weight).nansum(0) for values, weight in map(rows, windows.blocks())]
    totals = [(~values.isnan() * weight).sum(0) for values, weight in map(rows, windows.blocks())]
    total = torch.stack(totals).sum(0)
    means = torch.stack(sums).sum(0) / total
    products = torch.zeros(len(means), len(means)).double()
    for values, weight in map(rows, windows.blocks()):
        differences = (values - means).nan_to_num()
        products += (differences * weight).T @ differences
    return Moments(means, products * (len(windows) / total))


def _solve(linear: nn.Linear, moments: Moments, penalty: float) -> None:
    """Solves `(X^T S X + a I) W = X^T S Y`, with an intercept."""
    features = linear.in_features
    squares, products = moments.products[:features].split([features, linear.out_features], dim=1)
    weight = torch.linalg.solve(squares + penalty * torch.eye(features).double(), products).T
    linear.weight.copy_(weight)
    linear.bias.copy_(moments.means[features:] - weight @ moments.means[:features])
