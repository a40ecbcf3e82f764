"""Standardized residuals of simple predictions, with the interface of a detecting network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from gatewise.errors import GatewiseError
from gatewise.modules.network import Baseline
from gatewise.tasks.anomaly.data import LabelledWindows
from gatewise.tasks.anomaly.detector import Detector, DetectorShape, score_windows

MIN_SCALE = 1e-3  # of a standard deviation of the series
WIDTHS = (4, 8, 16, 32, 64, 128)


class RollingZScore(Detector, Baseline):
    """The distance to the mean of the last values, in their standard deviations.

    The number of values is chosen by the likelihood of the normal validation steps.

    >>> detector = RollingZScore(DetectorShape(context=4), width=2)
    >>> detector.distribution(torch.tensor([[[9.0], [9.0], [1.0], [3.0]]]), torch.empty(1, 1, 0)).loc
    tensor([2.])
    """

    width: int

    def __init__(self, shape: DetectorShape, false_alarm_rate: float = 0.01, width: int = 0) -> None:
        super().__init__(shape, false_alarm_rate)
        self.width = width or shape.context

    def distribution(self, past: Tensor, future: Tensor) -> Normal:
        values = past[:, -self.width :, 0]
        return Normal(values.mean(1), values.std(1, unbiased=False).clamp(min=MIN_SCALE))

    def fit(self, train: LabelledWindows, validation: LabelledWindows) -> None:
        losses = {}
        for width in sorted({*(size for size in WIDTHS if size < self.shape.context), self.shape.context}):
            self.width = width
            losses[width] = float(score_windows(self, validation).nll[validation.normal].mean())
        self.width = min(losses, key=losses.__getitem__)
        self.calibrate(validation)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "width": self.width}


class LaggedResidual(Detector, Baseline):
    """The difference to the value `lag` steps ago, in standard deviations of that over the training set.

    >>> detector = LaggedResidual(DetectorShape(context=3), lag=2)
    >>> detector.distribution(torch.tensor([[[1.0], [2.0], [5.0]]]), torch.empty(1, 1, 0)).loc
    tensor([2.])
    """

    deviation: Tensor

    def __init__(self, shape: DetectorShape, false_alarm_rate: float = 0.01, lag: int = 1) -> None:
        if lag > shape.context:
            raise GatewiseError(
                f"a lag of {lag} does not fit into a context of {shape.context}; "
                f"give a --context of at least {lag}"
            )
        super().__init__(shape, false_alarm_rate)
        self.lag = lag
        self.register_buffer("deviation", torch.ones(()))

    def distribution(self, past: Tensor, future: Tensor) -> Normal:
        location = past[:, -self.lag, 0]
        return Normal(location, self.deviation.expand_as(location))

    def fit(self, train: LabelledWindows, validation: LabelledWindows) -> None:
        scores = score_windows(self, train)
        deviation = float(((scores.truth - scores.location) ** 2).mean() ** 0.5)
        self.deviation.fill_(max(deviation, MIN_SCALE))
        self.calibrate(validation)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "lag": self.lag}
