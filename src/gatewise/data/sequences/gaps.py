"""Which values of sequences were observed, and when: what networks read beside the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

GapKind = Literal["none", "mask", "times", "both"]  # what networks read beside the values


@dataclass(frozen=True)
class TimeUnit:
    """The unit of elapsed times. length: in microseconds if times are dates; dated: whether they are"""

    length: float
    dated: bool


class Gaps(NamedTuple):
    """Which values of a batch were observed, and when; zero beyond the ends of sequences.

    observed: [B, T, C], 1 where a value was observed, 0 where it is missing; None if all were observed
    since: [B, T, C], the time since the last observed value before the step, or since the first step if there
        is none; None if all were observed
    elapsed: [B, T, 1], the time since the step before, 0 at the first; None at regular times

    Times are in steps, or at irregular times in units of the median step.
    """

    observed: Tensor | None = None
    since: Tensor | None = None
    elapsed: Tensor | None = None

    def rows(self, chosen: Tensor) -> Gaps:
        """Those of some sequences of the batch, by a mask or by their numbers."""
        return Gaps(*(None if one is None else one[chosen] for one in self))


def gap_kind(fill: str | None, unit_of_time: TimeUnit | None) -> GapKind:
    """What networks read beside the values.

    fill: how missing values are filled; unit_of_time: of elapsed times; None if none are read

    >>> gap_kind("mask", None), gap_kind("mask", TimeUnit(1.0, dated=False)), gap_kind("forward", None)
    ('mask', 'both', 'none')
    """
    if fill == "mask":
        return "mask" if unit_of_time is None else "both"
    return "none" if unit_of_time is None else "times"


def carried(rows: np.ndarray) -> np.ndarray:
    """Each NaN of rows [T, C] replaced by the last number above it in its column, if there is one.

    >>> carried(np.array([[np.nan], [1.0], [np.nan]]))[:, 0].tolist()
    [nan, 1.0, 1.0]
    """
    steps = np.arange(len(rows))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(rows), 0, steps), axis=0)
    return np.take_along_axis(rows, last, axis=0)


def time_since(observed: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[T, C]: the time since the last observed value before each step, or since the first step.

    observed: [T, C], bool; times: [T], increasing

    Source: Che et al. 2018, eq. 2.

    >>> observed = np.array([[True], [False], [False], [True], [True]])
    >>> time_since(observed, np.array([0.0, 1.0, 3.0, 4.0, 6.0]))[:, 0].tolist()
    [0.0, 1.0, 3.0, 4.0, 2.0]
    """
    last = np.maximum.accumulate(np.where(observed, times[:, None], times[0]), axis=0)
    before = np.concatenate([np.full_like(last[:1], times[0]), last[:-1]])
    return times[:, None] - before


def gaps_of(sequences: Sequence[np.ndarray], times: Sequence[np.ndarray] | None, masked: bool) -> Gaps | None:
    """The gaps of sequences as a padded batch; None if nothing is masked and times are regular.

    Args:
        sequences: [T, C] each, NaN where a value is missing
        times: [T] each, in units of the median step; None for regular times
        masked: whether values may be missing
    """
    if times is None and not masked:
        return None
    observed = since = elapsed = None
    if masked:
        there = [~np.isnan(one) for one in sequences]
        steps = [np.arange(len(one), dtype=np.float64) for one in sequences] if times is None else times
        observed = _padded(there)
        since = _padded([time_since(*both) for both in zip(there, steps, strict=True)])
    if times is not None:
        elapsed = _padded([np.diff(one, prepend=one[:1])[:, None] for one in times])
    return Gaps(observed, since, elapsed)


def _padded(arrays: Sequence[np.ndarray]) -> Tensor:
    """[B, T, C]"""
    return pad_sequence([torch.from_numpy(one.astype(np.float32)) for one in arrays], batch_first=True)
