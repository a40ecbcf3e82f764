"""Baselines for numbers of sequences: their mean, ridge regression on features, the nearest sequence."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.baselines.nearest import nearest_rows
from gatewise.baselines.ridge import fit_ridge
from gatewise.baselines.sequence_features import (
    RESAMPLED_STEPS,
    SUMMARIES,
    draw_examples,
    resampled,
    sequence_features,
    summaries,
)
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.modules.network import Baseline
from gatewise.modules.random_convolutions import RandomConvolutions
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


class LinearRegressor(Regressor, Baseline):
    """Ridge regression on F features of a sequence: `y = V f(x) + b`; its penalty is chosen by leave-one-out.

    features, targets: F and K
    """

    def __init__(self, features: int, targets: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, targets).requires_grad_(False)

    @abstractmethod
    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Computes the features [B, F] of sequences [B, T, C] of lengths [B]."""

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        """Fits the training set, or a random sample of a large one."""
        drawn = draw_examples(len(train), self.linear.in_features)
        features, rows = sequence_features(train, self.features, drawn)
        weights = None if train.weights is None else train.weights[rows]
        fitted = fit_ridge(features, train.targets[rows], weights)
        self.linear.weight.copy_(fitted.weight)
        self.linear.bias.copy_(fitted.bias)

    def refit(self, train: TargetSequences, validation: TargetSequences) -> None:
        self.fit(train.joined(validation), validation)

    def outputs(self, batch: TargetBatch) -> Tensor:
        predicted: Tensor = self.linear(self.features(batch.values, batch.lengths))
        return predicted


class SummaryRidge(LinearRegressor):
    """Ridge regression on summary statistics of each channel and the length. channels, targets: C and K"""

    def __init__(self, channels: int, targets: int) -> None:
        super().__init__(1 + SUMMARIES * channels, targets)
        self._options = {"channels": channels, "targets": targets}

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        return summaries(values, lengths)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class RocketRidge(LinearRegressor):
    """Ridge regression on the features of `RandomConvolutions`.

    Args:
        channels: C, the number of channels
        targets: K, the number of targets
        length: the length of the longest training sequence
        features: F, the number of features

    Source: Dempster, Schmidt and Webb 2021; Tan, Bergmeir, Petitjean and Webb 2021 (regression).
    """

    def __init__(self, channels: int, targets: int, length: int, features: int = 9_996) -> None:
        convolutions = RandomConvolutions(channels, length, features)
        super().__init__(convolutions.features, targets)
        self.convolutions = convolutions
        self._options = {"channels": channels, "targets": targets, "length": length, "features": features}

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        found: Tensor = self.convolutions(values, lengths)
        return found

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        self.convolutions.fit(train)
        super().fit(train, validation)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class Nearest(Regressor, Baseline):
    """The targets of the nearest training sequence, after resampling to one length.

    Args:
        channels: C, the number of channels
        targets: K, the number of targets
        examples: the number of training sequences that are kept, set by `fit`
        steps: the length of a resampled sequence
    """

    kept: Tensor
    known: Tensor

    def __init__(self, channels: int, targets: int, examples: int = 0, steps: int = RESAMPLED_STEPS) -> None:
        super().__init__()
        self.channels, self.steps = channels, steps
        self.register_buffer("kept", torch.zeros(examples, channels * steps))
        self.register_buffer("known", torch.zeros(examples, targets))

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        """Keeps all training sequences, or a random sample of a large training set."""
        drawn = draw_examples(len(train), self.channels * self.steps)
        self.kept, rows = sequence_features(train, self.features, drawn)
        self.known = train.targets[rows]

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """[B, C * steps]: sequences [B, T, C] of lengths [B], resampled."""
        return resampled(values, lengths, self.steps)

    def outputs(self, batch: TargetBatch) -> Tensor:
        return self.known[nearest_rows(self.kept, self.features(batch.values, batch.lengths))]

    def options(self) -> dict[str, Any]:
        return {
            "channels": self.channels,
            "targets": self.known.shape[1],
            "examples": len(self.kept),
            "steps": self.steps,
        }
