"""Ridge regression on features of sequences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from gatewise.baselines.ridge import RidgeFit
from gatewise.baselines.sequence_features import draw_examples, sequence_features
from gatewise.data.sequences.sequences import ScaledSequences
from gatewise.modules.random_convolutions import RandomConvolutions

Fit = Callable[[Tensor, Tensor], RidgeFit]  # of features [n, F] of the sequences with these numbers [n]


class FeatureRidge(nn.Module):
    """Ridge regression on F features of a sequence: `V f(x) + b`. features, outputs: F and K"""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs).requires_grad_(False)

    @abstractmethod
    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Computes the features [B, F] of sequences [B, T, C] of lengths [B]."""

    def fit_linear(self, train: ScaledSequences, fit: Fit) -> tuple[Tensor, RidgeFit]:
        """Fits the training set, or a random sample of a large one.

        Returns: the numbers of the sequences that were fitted, and the fit
        """
        drawn = draw_examples(len(train), self.linear.in_features)
        features, rows = sequence_features(train, self.features, drawn)
        fitted = fit(features, rows)
        self.linear.weight.copy_(fitted.weight)
        self.linear.bias.copy_(fitted.bias)
        return rows, fitted

    def predict(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Computes the outputs [B, K] of sequences [B, T, C] of lengths [B]."""
        predicted: Tensor = self.linear(self.features(values, lengths))
        return predicted


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

    def fit_convolutions(self, train: ScaledSequences, fit: Fit, seed: int = 0) -> tuple[Tensor, RidgeFit]:
        """Fits as `fit_linear` does, after the convolutions. seed: of these"""
        self.convolutions.fit(train, seed)
        return self.fit_linear(train, fit)
