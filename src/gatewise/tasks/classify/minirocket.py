"""Ridge regression on random convolutions: MiniRocket, the strongest simple classifier of sequences."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from gatewise.baselines.feature_ridge import ConvolutionRidge
from gatewise.baselines.ridge import RidgeFit
from gatewise.baselines.ridge_classifier import fit_ridge_classifier
from gatewise.data.sequences.sequences import ScaledSequences, SequenceBatch, Sequences
from gatewise.modules.classifier import Classifier
from gatewise.modules.network import Baseline


class MiniRocket(ConvolutionRidge, Classifier, Baseline):
    """Ridge regression on the features of `RandomConvolutions`: `logits = V features + b`.

    The penalty and the temperature are chosen by leave-one-out, so that all labelled sequences can be used.

    Args:
        channels: C, the number of channels
        classes: K, the number of classes
        length: the length of the longest training sequence
        features: F, the number of features

    Source: Dempster, Schmidt and Webb 2021.
    """

    def __init__(self, channels: int, classes: int, length: int, features: int = 9_996) -> None:
        super().__init__(channels, classes, length, features)
        self._options = {"channels": channels, "classes": classes, "length": length, "features": features}

    def fit_features(self, train: ScaledSequences, features: Tensor, rows: Tensor) -> RidgeFit:
        assert isinstance(train, Sequences)
        weights = None if train.weights is None else train.weights[rows]
        return fit_ridge_classifier(features, train.labels[rows], self.linear.out_features, weights)

    def logits(self, batch: SequenceBatch) -> Tensor:
        return self.predict(batch.values, batch.lengths)

    def options(self) -> dict[str, Any]:
        return dict(self._options)
