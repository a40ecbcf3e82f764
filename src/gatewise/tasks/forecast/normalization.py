"""Normalization of each window by its own level and scale, undone exactly after the forecast."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Normalization = Literal["window", "series", "mean"]
MIN_SCALE = 1e-2  # in standard deviations of the series


class WindowUnits(NamedTuple):
    """`normalized = (value - level) / scale` for the values of each window; level and scale are [B, 1]."""

    level: Tensor
    scale: Tensor


def window_units(target: Tensor, normalization: Normalization) -> WindowUnits:
    """The units of windows: their own mean and standard deviation, or their mean, or those of the series.

    Args:
        target: [B, L], scaled as the series
        normalization: "window" for the units of each window, "series" for those of the values as they are,
            "mean" for values that are not negative

    The scale of "window" is `sqrt(variance + MIN_SCALE^2)`, so that a constant window has one; that of "mean"
    is `1 + mean`, around a level of zero, which keeps its place.

    Source: Kim et al. 2022, reversible instance normalization; Salinas et al. 2020, DeepAR, for "mean".

    >>> window_units(torch.tensor([[1.0, 3.0]]), "window").level
    tensor([[2.]])
    """
    if normalization == "series":
        return WindowUnits(target.new_zeros(target.shape[0], 1), target.new_ones(target.shape[0], 1))
    level = target.mean(dim=1, keepdim=True)
    if normalization == "mean":
        return WindowUnits(torch.zeros_like(level), 1 + level)
    variance = (target - level).square().mean(dim=1, keepdim=True)
    return WindowUnits(level, (variance + MIN_SCALE**2).sqrt())


def normalize(past: Tensor, units: WindowUnits) -> Tensor:
    """past [B, L, 1 + C + D] with its target in the units of the windows; covariates are unchanged."""
    target = (past[:, :, :1] - units.level.unsqueeze(-1)) / units.scale.unsqueeze(-1)
    return torch.cat([target, past[:, :, 1:]], dim=-1)
