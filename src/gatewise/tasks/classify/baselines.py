"""Baselines for sequences: models of summary statistics, and the nearest training sequence."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.baselines.logistic import fit_logistic
from gatewise.baselines.nearest import NearestExample
from gatewise.baselines.sequence_features import (
    RESAMPLED_STEPS,
    SUMMARIES,
    draw_examples,
    resampled,
    sequence_features,
    summaries,
)
from gatewise.data.sequences.sequences import SequenceBatch as Batch
from gatewise.data.sequences.sequences import Sequences
from gatewise.modules.classifier import Classifier
from gatewise.modules.network import Baseline


class SummaryClassifier(Classifier):
    """A classifier of the standardized summary statistics of a sequence."""

    channels: int
    classes: int
    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        self.register_buffer("mean", torch.zeros(1 + SUMMARIES * channels))
        self.register_buffer("deviation", torch.ones(1 + SUMMARIES * channels))

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Standardized summaries [B, 1 + 7 C] -> logits [B, K]."""

    def logits(self, batch: Batch) -> Tensor:
        return self.classify((summaries(batch.values, batch.lengths) - self.mean) / self.deviation)

    def standardize(self, features: Tensor) -> None:
        """Computes means and standard deviations of the summaries of the training set, [N, 1 + 7 C]."""
        self.mean = features.mean(0)
        deviation = features.std(0, correction=0)
        self.deviation = torch.where(deviation > 1e-6, deviation, 1.0)

    def options(self) -> dict[str, Any]:
        return {"channels": self.channels, "classes": self.classes}


class Logistic(SummaryClassifier, Baseline):
    """Logistic regression on the summaries: `logits = V s + b`."""

    linear: nn.Linear

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, classes)
        self.linear = nn.Linear(1 + SUMMARIES * channels, classes).requires_grad_(False)

    def classify(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def fit(self, train: Sequences, validation: Sequences) -> None:
        features, rows = sequence_features(train, summaries)
        held_out, held_out_rows = sequence_features(validation, summaries)
        weight, bias = fit_logistic(
            features,
            train.labels[rows],
            held_out,
            validation.labels[held_out_rows],
            self.classes,
            None if train.weights is None else train.weights[rows],
            None if validation.weights is None else validation.weights[held_out_rows],
        )
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias)


class SummaryMLP(SummaryClassifier):
    """A multilayer perceptron on the summaries: `logits = V relu(W s)`; trained like the networks."""

    body: nn.Sequential

    def __init__(self, channels: int, classes: int, hidden: int = 128) -> None:
        super().__init__(channels, classes)
        self.hidden = hidden
        self.body = nn.Sequential(
            nn.Linear(1 + SUMMARIES * channels, hidden), nn.ReLU(), nn.Linear(hidden, classes)
        )

    @classmethod
    def standardized_on(cls, train: Sequences, classes: int) -> SummaryMLP:
        """An untrained network whose inputs are standardized on the training set."""
        features, _ = sequence_features(train, summaries)
        network = cls(train.table.values.shape[1], classes)
        network.standardize(features)
        return network

    def classify(self, features: Tensor) -> Tensor:
        return self.body(features)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "hidden": self.hidden}


class Nearest(NearestExample):
    """The class of the nearest training sequence, after resampling to one length.

    Args:
        channels: C, the number of channels
        classes: K, the number of classes
        examples: the number of training sequences that are kept, set by `fit`
        steps: the length of a resampled sequence
    """

    channels: int
    steps: int

    def __init__(self, channels: int, classes: int, examples: int = 0, steps: int = RESAMPLED_STEPS) -> None:
        super().__init__(classes, channels * steps, examples)
        self.channels, self.steps = channels, steps

    def training_examples(self, train: Sequences) -> tuple[Tensor, Tensor]:
        """All training sequences, or a random sample of a large training set."""
        drawn = draw_examples(len(train), self.channels * self.steps)
        features, rows = sequence_features(train, self._resampled, drawn)
        return features, train.labels[rows]

    def features(self, batch: Batch) -> Tensor:
        """[B, C * steps]: each sequence resampled to `steps` steps by linear interpolation."""
        return self._resampled(batch.values, batch.lengths)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "channels": self.channels, "steps": self.steps}

    def _resampled(self, values: Tensor, lengths: Tensor) -> Tensor:
        return resampled(values, lengths, self.steps)
