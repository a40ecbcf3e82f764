"""Ridge regression on random convolutions: MiniRocket, the strongest simple classifier of sequences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gatewise.baselines.ridge_classifier import fit_ridge_classifier
from gatewise.data.sequences.sequences import SequenceBatch, Sequences
from gatewise.modules.classifier import Classifier, iterate_batches
from gatewise.modules.network import Baseline
from gatewise.modules.random_convolutions import RandomConvolutions

MAX_FEATURE_VALUES = 1 << 25  # of all training examples


class MiniRocket(Classifier, Baseline):
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
        super().__init__()
        self.convolutions = RandomConvolutions(channels, length, features)
        self.linear = nn.Linear(self.convolutions.features, classes).requires_grad_(False)
        self._options = {"channels": channels, "classes": classes, "length": length, "features": features}

    def fit(self, train: Sequences, validation: Sequences, seed: int = 0) -> None:
        """Fits the training set, or a random sample of a large one; the seed is of the convolutions."""
        most = max(MAX_FEATURE_VALUES // self.convolutions.features, 1)
        drawn = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:most]
        self.convolutions.fit(train, seed)
        order, features = [], []
        for rows, batch in iterate_batches(train, drawn):
            order.append(rows)
            features.append(self.convolutions(batch.values, batch.lengths))
        chosen = torch.cat(order)
        weight, bias = fit_ridge_classifier(
            torch.cat(features),
            train.labels[chosen],
            self.linear.out_features,
            None if train.weights is None else train.weights[chosen],
        )
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias)

    def refit(self, train: Sequences, validation: Sequences, seed: int = 0) -> None:
        self.fit(train.joined(validation), validation, seed)

    def logits(self, batch: SequenceBatch) -> Tensor:
        return self.linear(self.convolutions(batch.values, batch.lengths))

    def options(self) -> dict[str, Any]:
        return dict(self._options)
