"""The interface of output heads: from a summary of the past to a distribution of each step of the horizon."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from gatewise.data.series.scaled_table import Support
from gatewise.modules.levels import LEVELS, median_index


class Head(nn.Module):
    """A distribution of each step of the horizon, from one linear layer.

    features: F, the width of the summary; horizon: Q, in steps
    outputs: N, the numbers that describe the distribution of a step
    levels: of the quantiles, n ascending numbers between 0 and 1, with 0.5
    """

    horizon: int
    quantile_levels: tuple[float, ...]
    median_index: int
    linear: nn.Linear

    support: ClassVar[Support] = "real"  # the values that can be forecast
    center_name: ClassVar[str] = "median"
    levels: Tensor

    def __init__(self, features: int, horizon: int, outputs: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__()
        self.horizon, self.quantile_levels = horizon, tuple(levels)
        self.median_index = median_index(levels)
        self.linear = nn.Linear(features, horizon * outputs)
        self.register_buffer("levels", torch.tensor(levels))

    @abstractmethod
    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        """Computes the numbers that describe the distribution of each step.

        summary: [B, F]; origin: what they are relative to, such as the last value, [B, 1] or [B, Q]

        Returns: [B, Q, N]
        """

    @abstractmethod
    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        """The output of `forward` for values `v` as that for values `v * scale + level`, [B, 1] both."""

    @abstractmethod
    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """The mean loss of the truth [B, Q]."""

    @abstractmethod
    def quantiles(self, raw: Tensor) -> Tensor:
        """[B, Q, n], in ascending order."""

    @abstractmethod
    def center(self, raw: Tensor) -> Tensor:
        """[B, Q], with a gradient: the median, or the mean if the median has none; see `center_name`."""

    def outputs(self, summary: Tensor) -> Tensor:
        """The output of the linear layer, [B, Q, N]."""
        output: Tensor = self.linear(summary).unflatten(-1, (self.horizon, -1))
        return output
