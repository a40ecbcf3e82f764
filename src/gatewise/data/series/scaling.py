"""Scales: each series brought to mean 0 and deviation 1, by what its training part shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """`scaled = (value - mean) / deviation`, in the unit of the data."""

    mean: float
    deviation: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        return (values - self.mean) / self.deviation

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        return scaled * self.deviation + self.mean


def learn_scale(values: np.ndarray) -> Scale:
    """The scale of a training part; a constant one keeps its unit.

    >>> learn_scale(np.array([1.0, 3.0]))
    Scale(mean=2.0, deviation=1.0)
    """
    deviation = float(values.std())
    return Scale(float(values.mean()), deviation if deviation > 1e-12 * abs(values.mean()) else 1.0)
