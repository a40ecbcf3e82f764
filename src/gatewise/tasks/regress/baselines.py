"""Baselines for numbers of sequences: their mean, ridge regression on features, the nearest sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.baselines.feature_ridge import ConvolutionRidge, FeatureRidge
from gatewise.baselines.nearest_sequence import NearestSequence
from gatewise.baselines.ridge import RidgeFit, fit_ridge
from gatewise.baselines.sequence_features import SUMMARIES, summaries
from gatewise.data.sequences.sequences import ScaledSequences
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.modules.network import Baseline
from gatewise.modules.weighted import weighted_mean
from gatewise.tasks.regress.regressor import Regressor


class Mean(Regressor, Baseline):
    """Predicts the mean of the training set for every sequence. targets: K"""

    mean: Tensor

    def __init__(self, targets: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(targets))

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        self.mean = weighted_mean(train.targets, train.weights)

    def outputs(self, batch: TargetBatch) -> Tensor:
        return self.mean.expand(len(batch.targets), -1)

    def options(self) -> dict[str, Any]:
        return {"targets": len(self.mean)}


class LinearRegressor(FeatureRidge, Regressor, Baseline):
    """Ridge regression on F features of a sequence, `y = V f(x) + b`; leave-one-out chooses its penalty."""

    def fit_features(self, train: ScaledSequences, features: Tensor, rows: Tensor) -> RidgeFit:
        assert isinstance(train, TargetSequences)
        weights = None if train.weights is None else train.weights[rows]
        return fit_ridge(features, train.targets[rows], weights)

    def outputs(self, batch: TargetBatch) -> Tensor:
        return self.predict(batch.values, batch.lengths)


class SummaryRidge(LinearRegressor):
    """Ridge regression on summary statistics of each channel and the length. channels, targets: C and K"""

    def __init__(self, channels: int, targets: int) -> None:
        super().__init__(1 + SUMMARIES * channels, targets)
        self._options = {"channels": channels, "targets": targets}

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        return summaries(values, lengths)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class RocketRidge(ConvolutionRidge, LinearRegressor):
    """Ridge regression on the features of `RandomConvolutions`.

    Args:
        channels: C, the number of channels
        targets: K, the number of targets
        length: the length of the longest training sequence
        features: F, the number of features

    Source: Dempster, Schmidt and Webb 2021; Tan, Bergmeir, Petitjean and Webb 2021 (regression).
    """

    def __init__(self, channels: int, targets: int, length: int, features: int = 9_996) -> None:
        super().__init__(channels, targets, length, features)
        self._options = {"channels": channels, "targets": targets, "length": length, "features": features}

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class Nearest(NearestSequence, Regressor, Baseline):
    """The targets of the nearest training sequence; its arguments are those of `NearestSequence`."""

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        self.keep(train)

    def outputs(self, batch: TargetBatch) -> Tensor:
        return self.nearest_targets(batch)

    def options(self) -> dict[str, Any]:
        return self.sizes()
