"""Ridge regression on features of sequences."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from gatewise.baselines.ridge import RidgeFit
from gatewise.baselines.sequence_features import draw_examples, sequence_features
from gatewise.data.batching import iterate_batches
from gatewise.data.sequences.sequences import ScaledSequences
from gatewise.modules.random_convolutions import RandomConvolutions


class FeatureRidge(nn.Module):
    """Ridge regression on F features of a sequence: `V f(x) + b`. features, outputs: F and K"""

    linear: nn.Linear

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs).requires_grad_(False)

    @abstractmethod
    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Computes the features [B, F] of sequences [B, T, C] of lengths [B]."""

    @abstractmethod
    def fit_features(self, train: ScaledSequences, features: Tensor, rows: Tensor) -> RidgeFit:
        """Fits the outputs of some training sequences. features: [n, F]; rows: [n], their numbers"""

    def prepare(self, train: ScaledSequences, seed: int) -> None:
        """Fits the features themselves."""

    def fit(self, train: ScaledSequences, validation: ScaledSequences, seed: int = 0) -> None:
        """Fits the training set, or a random sample of a large one. seed: of random features"""
        self._fit(train, seed)

    def fit_left_out(self, train: ScaledSequences, seed: int = 0) -> Tensor:
        """Fits as `fit` does. Returns: [N, K], the outputs of each training sequence without itself."""
        chosen, fitted = self._fit(train, seed)
        left_out = torch.zeros(len(train), self.linear.out_features)
        left_out[chosen] = fitted.left_out.float()
        others = torch.ones(len(train), dtype=torch.bool)
        others[chosen] = False
        for rows, batch in iterate_batches(train, others.nonzero()[:, 0]):
            left_out[rows] = self.predict(batch.values, batch.lengths)
        return left_out

    def refit(self, train: ScaledSequences, validation: ScaledSequences, seed: int = 0) -> None:
        """Fits both sets, after the validation set was scored."""
        self._fit(train.joined(validation), seed)

    def predict(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Computes the outputs [B, K] of sequences [B, T, C] of lengths [B]."""
        predicted: Tensor = self.linear(self.features(values, lengths))
        return predicted

    def _fit(self, train: ScaledSequences, seed: int) -> tuple[Tensor, RidgeFit]:
        """Returns: the numbers of the sequences that were fitted, and the fit."""
        self.prepare(train, seed)
        drawn = draw_examples(len(train), self.linear.in_features)
        features, rows = sequence_features(train, self.features, drawn)
        fitted = self.fit_features(train, features, rows)
        self.linear.weight.copy_(fitted.weight)
        self.linear.bias.copy_(fitted.bias)
        return rows, fitted


class ConvolutionRidge(FeatureRidge):
    """Ridge regression on the features of `RandomConvolutions`.

    Args:
        channels: C, the number of channels
        outputs: K, the number of outputs
        length: the length of the longest training sequence
        features: F, the number of features

    Source: Dempster, Schmidt and Webb 2021.
    """

    def __init__(self, channels: int, outputs: int, length: int, features: int) -> None:
        convolutions = RandomConvolutions(channels, length, features)
        super().__init__(convolutions.features, outputs)
        self.convolutions = convolutions

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        found: Tensor = self.convolutions(values, lengths)
        return found

    def prepare(self, train: ScaledSequences, seed: int) -> None:
        self.convolutions.fit(train, seed)
