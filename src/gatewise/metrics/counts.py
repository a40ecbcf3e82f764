"""Precision, recall and F1 from counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """The numbers of true, predicted and correctly predicted items.

    `precision = correct / predicted`, `recall = correct / true`, `F1 = 2 correct / (predicted + true)`;
    zero if undefined
    """

    true: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.correct / (self.predicted + self.true) if self.predicted + self.true else 0.0


def macro_f1(counts: Iterable[Counts]) -> float:
    """Macro F1: the mean over all classes that are true or predicted at least once."""
    scores = [count.f1 for count in counts if count.true or count.predicted]
    return float(np.mean(scores)) if scores else 0.0


def micro_f1(counts: Iterable[Counts]) -> float:
    """Micro F1: F1 of the summed counts of all classes."""
    counts = list(counts)
    fields = ("true", "predicted", "correct")
    return Counts(*(sum(getattr(count, field) for count in counts) for field in fields)).f1


def exact_match(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """The fraction of sequences that are predicted without a mistake."""
    correct = [list(true) == list(other) for true, other in zip(truth, predicted, strict=True)]
    return float(np.mean(correct)) if correct else 0.0
