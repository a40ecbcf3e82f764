"""The seasonal period of a series, in steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatewise.data.series.scaling import ROUNDING, power_of_two
from gatewise.data.series.step import Step
from gatewise.errors import GatewiseError

MIN_CORRELATION, MIN_COMMON_CORRELATION = 0.2, 0.1  # of one series, of several


def find_period(values: np.ndarray, step: Step) -> int:
    """The steps of a day, week or year if the series has that period, else its strongest period, else 1.

    A day, week or year is accepted if the autocorrelation of the differences peaks at that lag with more
    than two standard errors. Any other period is a peak of at least 0.2 in the autocorrelation of the
    series without its linear trend, at a lag of at most a third of the series.

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
    detrended = values - np.polyval(np.polyfit(steps, values, 1), steps)
    if np.abs(detrended).max() <= ROUNDING * np.abs(values).max():
        return 1
    correlation = _autocorrelation(detrended)
    return max(_peaks(correlation, longest, MIN_CORRELATION), key=correlation.__getitem__, default=1)


def find_common_period(series: Sequence[np.ndarray], step: Step) -> int:
    """The period of several series, from the mean autocorrelation of their differences; 1 if there is none.

    A day, week or year is accepted as in `find_period`; any other period is the highest peak, at least 0.1.
    Lags reach a third of the shortest series. The mean over series shows a season that noise hides in each.

    >>> random = np.random.default_rng(0)
    >>> season = np.sin(2 * np.pi * np.arange(100) / 8)
    >>> find_common_period([season + random.normal(size=100) for _ in range(9)], Step(1, "numbers"))
    8
    """
    if len(series) == 1:
        return find_period(series[0], step)
    shortest = min(map(len, series))
    correlation = np.mean([_autocorrelation(np.diff(one))[: shortest - 1] for one in series], axis=0)
    longest, usual = shortest // 3, step.usual_period
    minimum = 2 / sum(map(len, series)) ** 0.5
    if usual is not None and usual < longest and usual in _peaks(correlation, usual + 1, minimum):
        return usual
    peaks = _peaks(correlation, longest, MIN_COMMON_CORRELATION)
    return max(peaks, key=correlation.__getitem__, default=1)


def require_period(given: int, series: Sequence[np.ndarray], step: Step) -> int:
    """The given period, or if that is 0 the one found in the series.

    series: the training sets of a few series

    Raises: `GatewiseError` if it is not shorter than the longest training set, or given for irregular times.
    """
    if step.is_irregular:
        if given > 1:
            raise GatewiseError(f"a period of {given} steps needs regular times; leave out --period")
        return 1
    period, training = given or find_common_period(series, step), max(map(len, series))
    if period >= training:
        raise GatewiseError(
            f"a period of {period} does not fit into the {training} steps of the training set; "
            "give a shorter one"
        )
    return period


def _peaks(correlation: np.ndarray, longest: int, minimum: float) -> list[int]:
    inner = correlation[1:-1]
    higher = (inner >= correlation[:-2]) & (inner >= correlation[2:]) & (inner >= minimum)
    return [int(lag) for lag in np.flatnonzero(higher) + 1 if 2 <= lag <= longest]


def _autocorrelation(values: np.ndarray) -> np.ndarray:
    unit = power_of_two(values)
    centred = values / unit - (values / unit).mean()
    length = 1 << (2 * len(centred) - 1).bit_length()  # a power of two, by which the transform is fast
    power = np.abs(np.fft.rfft(centred, length)) ** 2
    products = np.fft.irfft(power)[: len(centred)]
    return products / products[0] if products[0] > 0 else np.zeros_like(products)
