"""What all detectors have in common, networks and baselines alike."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal, StudentT

from gatewise.data.series.windows import WindowBatch
from gatewise.modules.network import Network
from gatewise.tasks.anomaly.data import LabelledWindows

WINDOWS_AT_ONCE = 1024


@dataclass(frozen=True)
class DetectorShape:
    """The sizes of a detection problem.

    context: L, the steps before the one that is scored; period: of the series
    known, observed: C and D, the covariates known in advance and only up to the present
    irregular: whether the first known covariate is `ln(1 + e)` of the time e since the step before
    """

    context: int
    period: int = 1
    known: int = 0
    observed: int = 0
    irregular: bool = False

    @property
    def inputs(self) -> int:
        """The values of a past step: the target and all covariates."""
        return 1 + self.known + self.observed


class Scores(NamedTuple):
    """Windows scored by a detector, an array [windows] each; the target's units are scaled.

    location, scale: the expected value and the size of a usual residual
    score: the standardized residual `|truth - location| / scale`; nll: the negative log-likelihood
    """

    truth: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    score: np.ndarray
    nll: np.ndarray


class Detector(Network):
    """Predicts the next value with its scale, and flags a step whose residual is above a threshold.

    false_alarm_rate: the fraction of normal validation steps whose score may exceed the threshold
    """

    shape: DetectorShape
    false_alarm_rate: float
    threshold: Tensor

    def __init__(self, shape: DetectorShape, false_alarm_rate: float = 0.01) -> None:
        super().__init__()
        self.shape, self.false_alarm_rate = shape, false_alarm_rate
        self.register_buffer("threshold", torch.zeros(()))

    @abstractmethod
    def distribution(self, past: Tensor, future: Tensor) -> Normal | StudentT:
        """past [B, L, 1 + C + D] and future [B, 1, C] -> the distribution [B] of the next value."""

    def loss(self, batch: WindowBatch) -> Tensor:
        """The mean negative log-likelihood."""
        return _nll(self.distribution(batch.past, batch.future), batch.truth[:, 0]).mean()

    def calibrate(self, validation: LabelledWindows) -> None:
        """Sets the threshold to the quantile `1 - false_alarm_rate` of the scores of normal steps."""
        scores = score_windows(self, validation).score[validation.normal]
        self.threshold.fill_(float(np.quantile(scores, 1 - self.false_alarm_rate, method="higher")))

    def options(self) -> dict[str, Any]:
        return {"shape": asdict(self.shape), "false_alarm_rate": self.false_alarm_rate}

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        return cls(**{**options, "shape": DetectorShape(**options["shape"])})


def score_windows(detector: Detector, windows: LabelledWindows) -> Scores:
    """The scores of all windows."""
    batches = []
    with torch.inference_mode():
        for numbers in torch.arange(len(windows)).split(WINDOWS_AT_ONCE):
            batch = windows.__getitems__(numbers.tolist())
            expected, truth = detector.distribution(batch.past, batch.future), batch.truth[:, 0]
            score = (truth - expected.loc).abs() / expected.scale
            batches.append((truth, expected.loc, expected.scale, score, _nll(expected, truth)))
    return Scores(*(torch.cat(values).double().numpy() for values in zip(*batches, strict=True)))


def _nll(expected: Normal | StudentT, truth: Tensor) -> Tensor:
    return -expected.log_prob(truth)  # type: ignore[no-untyped-call]
