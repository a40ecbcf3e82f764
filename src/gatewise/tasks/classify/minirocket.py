"""Ridge regression on random convolutions: MiniRocket, the strongest simple classifier of sequences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.baselines.feature_ridge import ConvolutionRidge
from gatewise.baselines.ridge import RidgeFit
from gatewise.baselines.ridge_classifier import fit_ridge_classifier
from gatewise.data.batching import iterate_batches
from gatewise.data.sequences.sequences import SequenceBatch, Sequences
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

    def fit(self, train: Sequences, validation: Sequences, seed: int = 0) -> None:
        """Fits the training set, or a random sample of a large one; the seed is of the convolutions."""
        self._fit(train, seed)

    def fit_left_out(self, train: Sequences, seed: int = 0) -> Tensor:
        """Fits as `fit` does. Returns: [N, K], the logits of each training sequence without itself."""
        chosen, fitted = self._fit(train, seed)
        left_out = torch.zeros(len(train), self.linear.out_features)
        left_out[chosen] = fitted.left_out
        others = torch.ones(len(train), dtype=torch.bool)
        others[chosen] = False
        for rows, batch in iterate_batches(train, others.nonzero()[:, 0]):
            left_out[rows] = self.logits(batch)
        return left_out

    def _fit(self, train: Sequences, seed: int) -> tuple[Tensor, RidgeFit]:
        """Returns: the numbers of the sequences that were fitted, and the fit."""

        def fit(features: Tensor, rows: Tensor) -> RidgeFit:
            weights = None if train.weights is None else train.weights[rows]
            return fit_ridge_classifier(features, train.labels[rows], self.linear.out_features, weights)

        return self.fit_convolutions(train, fit, seed)

    def refit(self, train: Sequences, validation: Sequences, seed: int = 0) -> None:
        self.fit(train.joined(validation), validation, seed)

    def logits(self, batch: SequenceBatch) -> Tensor:
        return self.predict(batch.values, batch.lengths)

    def options(self) -> dict[str, Any]:
        return dict(self._options)
