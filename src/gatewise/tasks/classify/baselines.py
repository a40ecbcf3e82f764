"""Baselines for sequences: models of summary statistics, and the nearest training sequence."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.baselines.logistic import fit_logistic
from gatewise.baselines.nearest import MAX_FEATURE_VALUES, NearestExample
from gatewise.data.sequences.sequences import SequenceBatch as Batch
from gatewise.data.sequences.sequences import Sequences
from gatewise.modules.classifier import Classifier, iterate_batches
from gatewise.modules.network import Baseline

SUMMARIES = 7
RESAMPLED_STEPS = 64


def summaries(batch: Batch) -> Tensor:
    """Summary statistics of sequences: [B, 1 + 7 C].

    The logarithm of the length; the mean, standard deviation, minimum, maximum, first value, last value and
    mean absolute change of each channel.
    """
    values, lengths = batch.values, batch.lengths[:, None]
    valid = (torch.arange(values.shape[1], device=values.device) < lengths).unsqueeze(-1)
    mean = (values * valid).sum(1) / lengths
    deviation = (((values - mean.unsqueeze(1)) * valid).square().sum(1) / lengths).sqrt()
    minimum = values.masked_fill(~valid, torch.inf).amin(1)
    maximum = values.masked_fill(~valid, -torch.inf).amax(1)
    last = values[torch.arange(len(values), device=values.device), batch.lengths - 1]
    change = (values.diff(dim=1).abs() * valid[:, 1:]).sum(1) / (lengths - 1).clamp(min=1)
    statistics = [lengths.float().log(), mean, deviation, minimum, maximum, values[:, 0], last, change]
    return torch.cat(statistics, dim=-1)


class SummaryClassifier(Classifier):
    """A classifier of the standardized summary statistics of a sequence."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        self.register_buffer("mean", torch.zeros(1 + SUMMARIES * channels))
        self.register_buffer("deviation", torch.ones(1 + SUMMARIES * channels))

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Standardised summaries [B, 1 + 7 C] -> logits [B, K]."""

    def logits(self, batch: Batch) -> Tensor:
        return self.classify((summaries(batch) - self.mean) / self.deviation)

    def standardise(self, features: Tensor) -> None:
        """Computes means and standard deviations of the summaries of the training set, [N, 1 + 7 C]."""
        self.mean = features.mean(0)
        deviation = features.std(0, correction=0)
        self.deviation = torch.where(deviation > 1e-6, deviation, 1.0)

    def options(self) -> dict[str, Any]:
        return {"channels": self.channels, "classes": self.classes}


class Logistic(SummaryClassifier, Baseline):
    """Logistic regression on the summaries: `logits = V s + b`."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, classes)
        self.linear = nn.Linear(1 + SUMMARIES * channels, classes).requires_grad_(False)

    def classify(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def fit(self, train: Sequences, validation: Sequences) -> None:
        sets = (*_all_summaries(train), *_all_summaries(validation))
        weight, bias = fit_logistic(*sets, self.classes, _weights(train), _weights(validation))
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias)


class SummaryMLP(SummaryClassifier):
    """A multilayer perceptron on the summaries: `logits = V relu(W s)`; trained like the networks."""

    def __init__(self, channels: int, classes: int, hidden: int = 128) -> None:
        super().__init__(channels, classes)
        self.hidden = hidden
        self.body = nn.Sequential(
            nn.Linear(1 + SUMMARIES * channels, hidden), nn.ReLU(), nn.Linear(hidden, classes)
        )

    @classmethod
    def standardised_on(cls, train: Sequences, classes: int) -> SummaryMLP:
        """An untrained network whose inputs are standardised on the training set."""
        features, _ = _all_summaries(train)
        network = cls(train.table.values.shape[1], classes)
        network.standardise(features)
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

    def __init__(self, channels: int, classes: int, examples: int = 0, steps: int = RESAMPLED_STEPS) -> None:
        super().__init__(classes, channels * steps, examples)
        self.channels, self.steps = channels, steps

    def training_examples(self, train: Sequences) -> tuple[Tensor, Tensor]:
        """All training sequences, or a random sample of a large training set."""
        count = max(MAX_FEATURE_VALUES // (self.channels * self.steps), 1)
        sample = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:count]
        batches = [(self.features(batch), batch.labels) for _, batch in iterate_batches(train, sample)]
        features, labels = zip(*batches, strict=True)
        return torch.cat(features), torch.cat(labels)

    def features(self, batch: Batch) -> Tensor:
        """[B, C * steps]: each sequence resampled to `steps` steps by linear interpolation."""
        lengths = batch.lengths[:, None]
        position = torch.linspace(0, 1, self.steps, dtype=torch.float64, device=lengths.device) * (
            lengths - 1
        )
        before = position.long()
        after = (before + 1).minimum(lengths - 1)
        fraction = (position - before).unsqueeze(-1).to(batch.values.dtype)
        rows = torch.arange(len(lengths), device=lengths.device)[:, None]
        return torch.lerp(batch.values[rows, before], batch.values[rows, after], fraction).flatten(1)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "channels": self.channels, "steps": self.steps}


def _all_summaries(dataset: Sequences) -> tuple[Tensor, Tensor]:
    batches = [(summaries(batch), batch.labels) for _, batch in iterate_batches(dataset)]
    features, labels = zip(*batches, strict=True)
    return torch.cat(features), torch.cat(labels)


def _weights(dataset: Sequences) -> Tensor | None:
    """The weights of all sequences, in the order of `_all_summaries`."""
    if dataset.weights is None:
        return None
    return dataset.weights[torch.cat([numbers for numbers, _ in iterate_batches(dataset)])]
