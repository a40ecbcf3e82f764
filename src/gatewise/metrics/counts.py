"""Precision, recall and F1 from counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """How often something is there, was said, and was said rightly.

    precision = right / said, recall = right / there, F1 = 2 right / (said + there); nought where undefined
    """

    there: int
    said: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.said + self.there) if self.said + self.there else 0.0


def mean_f1(counted: Iterable[Counts]) -> float:
    """The mean F1 of all kinds that are there or are said, each counting alike: macro F1."""
    each = [one.f1 for one in counted if one.there or one.said]
    return float(np.mean(each)) if each else 0.0


def total_f1(counted: Iterable[Counts]) -> float:
    """F1 over all kinds together: micro F1."""
    every = list(counted)
    return Counts(*(sum(getattr(one, name) for one in every) for name in ("there", "said", "right"))).f1


def exact_match(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """The share of texts that are right from end to end."""
    right = [list(one) == list(other) for one, other in zip(truth, found, strict=True)]
    return float(np.mean(right)) if right else 0.0
