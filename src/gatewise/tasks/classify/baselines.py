"""Plain classifiers of sequences that often suffice: by summaries of channels, by the nearest one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.baselines.logistic import fit_logistic
from gatewise.data.sequences.sequences import SequenceBatch as Batch
from gatewise.data.sequences.sequences import Sequences
from gatewise.modules.classifier import Classifier, in_batches
from gatewise.modules.network import Baseline

SUMMARIES = 7
STEPS_COMPARED, NUMBERS_KEPT = 64, 1 << 25


def summaries(batch: Batch) -> Tensor:
    """[B, 1 + 7 C]: the logarithm of the length, and of each channel its mean, deviation, least, largest,
    first and last value, and mean absolute change."""
    values, lengths = batch.values, batch.lengths[:, None]
    inside = (torch.arange(values.shape[1], device=values.device) < lengths).unsqueeze(-1)
    mean = (values * inside).sum(1) / lengths
    deviation = (((values - mean.unsqueeze(1)) * inside).square().sum(1) / lengths).sqrt()
    least = values.masked_fill(~inside, torch.inf).amin(1)
    largest = values.masked_fill(~inside, -torch.inf).amax(1)
    last = values[torch.arange(len(values), device=values.device), batch.lengths - 1]
    change = (values.diff(dim=1).abs() * inside[:, 1:]).sum(1) / (lengths - 1).clamp(min=1)
    parts = [lengths.float().log(), mean, deviation, least, largest, values[:, 0], last, change]
    return torch.cat(parts, dim=-1)


class SummaryClassifier(Classifier):
    """A classifier that sees a sequence by its summaries alone, standardised."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels, self.kinds = channels, classes
        self.register_buffer("mean", torch.zeros(1 + SUMMARIES * channels))
        self.register_buffer("deviation", torch.ones(1 + SUMMARIES * channels))

    @abstractmethod
    def read(self, features: Tensor) -> Tensor:
        """[B, 1 + 7 C], standardised -> [B, K]."""

    def logits(self, batch: Batch) -> Tensor:
        return self.read((summaries(batch) - self.mean) / self.deviation)

    def standardise(self, features: Tensor) -> None:
        """Learns what is usual from the training part's summaries, [N, 1 + 7 C]."""
        self.mean = features.mean(0)
        deviation = features.std(0, correction=0)
        self.deviation = torch.where(deviation > 1e-6, deviation, 1.0)

    def options(self) -> dict[str, Any]:
        return {"channels": self.channels, "classes": self.kinds}


class Logistic(SummaryClassifier, Baseline):
    """Logistic regression on the summaries: `logits = V s + b`."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, classes)
        self.linear = nn.Linear(1 + SUMMARIES * channels, classes).requires_grad_(False)

    def read(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def learn(self, train: Sequences, validation: Sequences) -> None:
        weight, bias = fit_logistic(*_all_summaries(train), *_all_summaries(validation), self.kinds)
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
    def of(cls, train: Sequences, classes: int) -> SummaryMLP:
        """One that knows what is usual in the training part."""
        features, _ = _all_summaries(train)
        network = cls(train.table.values.shape[1], classes)
        network.standardise(features)
        return network

    def read(self, features: Tensor) -> Tensor:
        return self.body(features)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "hidden": self.hidden}


class Nearest(Classifier, Baseline):
    """The class of the nearest training sequence, by Euclid's distance after both are brought to one length.

    How sure it is of that class is how often it is right on the validation part.
    """

    kept: Tensor
    labels: Tensor
    sure: Tensor

    def __init__(self, channels: int, classes: int, examples: int = 0, steps: int = STEPS_COMPARED) -> None:
        super().__init__()
        self.channels, self.classes, self.steps = channels, classes, steps
        self.register_buffer("kept", torch.zeros(examples, channels * steps))
        self.register_buffer("labels", torch.zeros(examples, dtype=torch.long))
        self.register_buffer("sure", torch.tensor(0.5))

    def learn(self, train: Sequences, validation: Sequences) -> None:
        """Keeps the training part, or as much of it, drawn at random, as fits into some memory."""
        most = max(NUMBERS_KEPT // (self.channels * self.steps), 1)
        drawn = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:most]
        parts = [(self._brought(batch), batch.labels) for _, batch in in_batches(train, drawn)]
        kept, labels = zip(*parts, strict=True)
        self.kept, self.labels = torch.cat(kept), torch.cat(labels)
        right = [(self._guess(batch) == batch.labels).float().sum() for _, batch in in_batches(validation)]
        floor, ceiling = 1 / self.classes + 1e-3, 1 - 1e-3
        self.sure = (torch.stack(right).sum() / len(validation)).clamp(floor, ceiling)

    def logits(self, batch: Batch) -> Tensor:
        chances = ((1 - self.sure) / (self.classes - 1)).repeat(len(batch.lengths), self.classes)
        return chances.scatter(1, self._guess(batch)[:, None], float(self.sure)).log()

    def options(self) -> dict[str, Any]:
        return {
            "channels": self.channels, "classes": self.classes, "examples": len(self.kept),
            "steps": self.steps,
        }  # fmt: skip

    def _guess(self, batch: Batch) -> Tensor:
        seen = self._brought(batch)
        lengths = torch.linalg.vector_norm(self.kept, dim=1)
        distance = lengths.square() - 2 * seen @ self.kept.T  # |seen|^2 changes no order
        return self.labels[distance.argmin(1)]

    def _brought(self, batch: Batch) -> Tensor:
        """[B, C * steps]: each sequence drawn out or pressed to so many steps, by straight lines."""
        lengths = batch.lengths[:, None]
        place = torch.linspace(0, 1, self.steps, dtype=torch.float64, device=lengths.device) * (lengths - 1)
        before = place.long()
        after = (before + 1).minimum(lengths - 1)
        share = (place - before).unsqueeze(-1).to(batch.values.dtype)
        rows = torch.arange(len(lengths), device=lengths.device)[:, None]
        return torch.lerp(batch.values[rows, before], batch.values[rows, after], share).flatten(1)


def _all_summaries(dataset: Sequences) -> tuple[Tensor, Tensor]:
    parts = [(summaries(batch), batch.labels) for _, batch in in_batches(dataset)]
    features, labels = zip(*parts, strict=True)
    return torch.cat(features), torch.cat(labels)
