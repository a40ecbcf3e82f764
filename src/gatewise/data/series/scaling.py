"""Scales: each series brought to mean 0 and deviation 1, by what its training part shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-12  # of the size of numbers in float64: what is smaller may be rounding


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
    """The scale of a training part; that of a constant one is its size, whatever the unit of the data.

    >>> learn_scale(np.array([1.0, 3.0])), learn_scale(np.array([5e-12, 5e-12]))
    (Scale(mean=2.0, deviation=1.0), Scale(mean=5e-12, deviation=5e-12))
    """
    unit = power_of_two(values)
    mean, deviation = float((values / unit).mean() * unit), float((values / unit).std() * unit)
    changes = values.min() < values.max() and deviation > ROUNDING * abs(mean)
    return Scale(mean, deviation if changes else abs(mean) or 1.0)


def power_of_two(values: np.ndarray) -> float:
    """The power of two next to the largest magnitude: divided by it, no square overflows or becomes zero.

    >>> power_of_two(np.array([3e-200, -1e-200])) / 3e-200 > 1
    True
    """
    _, exponent = np.frexp(np.abs(values).max(initial=0.0))
    return float(np.ldexp(1.0, int(np.clip(exponent, -1020, 1020))))
