"""The period of a series: after how many steps it comes back to where it was."""

from __future__ import annotations

import numpy as np

from gatewise.data.series.scaling import ROUNDING, power_of_two
from gatewise.data.series.step import Step

LEAST_CORRELATION = 0.2


def find_period(values: np.ndarray, step: Step) -> int:
    """The day, week or year of the data's step if the series follows it, else its strongest cycle, else 1.

    A day, week or year counts where the changes from step to step correlate at that distance, by more
    than chance (two standard errors). A cycle counts where the series without its straight trend
    correlates by at least 0.2, over at most a third of the series.

    >>> import numpy as np
    >>> find_period(np.sin(2 * np.pi * np.arange(100) / 8), Step(1, "numbers"))
    8
    """
    longest = len(values) // 3
    usual = step.usual_period
    changes = _autocorrelation(np.diff(values))
    if usual is not None and usual < longest and usual in _peaks(changes, usual + 1, 2 / len(values) ** 0.5):
        return usual
    steps = np.arange(len(values))
    trend = values - np.polyval(np.polyfit(steps, values, 1), steps)
    if np.abs(trend).max() <= ROUNDING * np.abs(values).max():
        return 1
    straight = _autocorrelation(trend)
    return max(_peaks(straight, longest, LEAST_CORRELATION), key=straight.__getitem__, default=1)


def _peaks(correlation: np.ndarray, longest: int, least: float) -> list[int]:
    inner = correlation[1:-1]
    higher = (inner >= correlation[:-2]) & (inner >= correlation[2:]) & (inner >= least)
    return [int(lag) for lag in np.flatnonzero(higher) + 1 if 2 <= lag <= longest]


def _autocorrelation(values: np.ndarray) -> np.ndarray:
    unit = power_of_two(values)
    centred = values / unit - (values / unit).mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    products = np.fft.irfft(power)[: len(centred)]
    return products / products[0] if products[0] > 0 else np.zeros_like(products)
