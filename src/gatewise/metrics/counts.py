"""Precision, recall and F1 from counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """How often something is true, was predicted, and was predicted correctly.

    precision = correct / predicted, recall = correct / true, F1 = 2 correct / (predicted + true); zero
    where undefined
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


def mean_f1(counted: Iterable[Counts]) -> float:
    """Macro F1: the mean over all kinds that are true or predicted at least once."""
    each = [one.f1 for one in counted if one.true or one.predicted]
    return float(np.mean(each)) if each else 0.0


def total_f1(counted: Iterable[Counts]) -> float:
    """Micro F1: F1 of the counts of all kinds together."""
    every = list(counted)
    return Counts(*(sum(getattr(one, name) for one in every) for name in ("true", "predicted", "correct"))).f1


def exact_match(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """The fraction of sequences that are predicted without any mistake."""
    correct = [list(one) == list(other) for one, other in zip(truth, predicted, strict=True)]
    return float(np.mean(correct)) if correct else 0.0
