"""Scaling to mean 0 and standard deviation 1, learned from a training set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-12  # relative size, below which a float64 may be a rounding error


@dataclass(frozen=True)
class Scale:
    """`scaled = (value - mean) / deviation`, where `deviation` is the standard deviation."""

    mean: float
    deviation: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        return (values - self.mean) / self.deviation

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        return scaled * self.deviation + self.mean


@dataclass(frozen=True)
class LogScale(Scale):
    """`scaled = (log(value / unit) - mean) / deviation`, for positive values."""

    unit: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        return super().apply(np.log(values / self.unit))

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        return np.exp(super().undo(scaled)) * self.unit


def learn_log_scale(values: np.ndarray) -> LogScale:
    """The scale of the logarithms of a training set.

    >>> scale = learn_log_scale(np.array([2.0, 8.0]))
    >>> scale.apply(np.array([4.0])), scale.undo(np.array([1.0]))
    (array([0.]), array([8.]))
    """
    unit = power_of_two(values)  # exact, so that the unit of the data changes no scaled value
    scale = learn_scale(np.log(values / unit))
    return LogScale(scale.mean, scale.deviation, unit)


def learn_scale(values: np.ndarray) -> Scale:
    """The scale of a training set; a constant one is divided by its magnitude, or by 1 if it is zero.

    >>> learn_scale(np.array([1.0, 3.0])), learn_scale(np.array([5e-12, 5e-12]))
    (Scale(mean=2.0, deviation=1.0), Scale(mean=5e-12, deviation=5e-12))
    """
    unit = power_of_two(values)
    mean, deviation = float((values / unit).mean() * unit), float((values / unit).std() * unit)
    changes = values.min() < values.max() and deviation > ROUNDING * abs(mean)
    return Scale(mean, deviation if changes else abs(mean) or 1.0)


def learn_mean_scale(values: np.ndarray) -> Scale:
    """The scale of a training set without negative values, which divides by the mean; by 1 if it is zero.

    >>> learn_mean_scale(np.array([0.0, 4.0]))
    Scale(mean=0.0, deviation=2.0)
    """
    unit = power_of_two(values)
    return Scale(0.0, float((values / unit).mean() * unit) or 1.0)


def power_of_two(values: np.ndarray) -> float:
    """The power of two above the largest magnitude: divided by it, no square overflows or underflows.

    >>> power_of_two(np.array([3e-200, -1e-200])) / 3e-200 > 1
    True
    """
    _, exponent = np.frexp(np.abs(values).max(initial=0.0))
    return float(np.ldexp(1.0, int(np.clip(exponent, -1020, 1020))))
