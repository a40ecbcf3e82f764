"""The scale of a new series with a short history, completed by what is typical of the training set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gatewise.data.series.scaling import LogScale, Scale


def completed_scale(scale: Scale, values: np.ndarray, steps: int, learned: Iterable[Scale]) -> Scale:
    """The scale of a new series, of which fewer values are known than a network reads.

    `deviation^2 = (n s^2 + (steps - n) d^2) / steps`, for n values with a standard deviation of s, and the
    typical deviation d of the training set: of logarithms its median; of values the median in units of the
    root mean square of each series, times that of the n values.

    Args:
        scale: of the values alone; values: [n]
        steps: that a network reads
        learned: the scales of the series of the training set

    >>> learned = [Scale(10.0, 1.0), Scale(200.0, 20.0)]
    >>> round(completed_scale(Scale(50.0, 50.0), np.array([50.0]), 100, learned).deviation, 2)
    4.95
    """
    taken, is_log = len(values), isinstance(scale, LogScale)
    alike = [one for one in learned if isinstance(one, LogScale) == is_log]
    if taken >= steps or not alike:
        return scale
    if isinstance(scale, LogScale):
        values = np.log(values / scale.unit)
        typical = float(np.median([one.deviation for one in alike]))
    else:
        relative = [one.deviation / np.hypot(one.mean, one.deviation) for one in alike]
        typical = float(np.median(relative) * np.hypot(values.mean(), values.std()))
    fraction = taken / steps
    deviation = float(np.hypot(np.sqrt(fraction) * values.std(), np.sqrt(1 - fraction) * typical))
    return replace(scale, deviation=deviation) if deviation else scale
