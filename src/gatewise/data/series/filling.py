"""Values in place of missing ones, between the first and the last value of a series."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from gatewise.data.series.step import Step
from gatewise.errors import GatewiseError

Fill = Literal["linear", "forward", "seasonal", "zero", "mask"]
MASK = "mask"  # repeats the last value for networks, which also read when it was, and scores no filled one
FILLS: tuple[str, ...] = get_args(Fill)
CAUSAL = ("forward", "seasonal", "zero", MASK)  # those that use no later value


def require_fill(fill: str | None) -> None:
    """Raises: `GatewiseError` if there is no such way to fill."""
    if fill is not None and fill not in FILLS:
        raise GatewiseError(f"expected fill as one of {', '.join(FILLS)}, got {fill!r}")


def season_of(step: Step, given: int) -> int:
    """The steps of the season that fills gaps: those that are given, or else the usual ones of a step.

    Raises: `GatewiseError` if a step has no usual season, or if times are irregular.

    >>> season_of(Step(1, "months"), 0)
    12
    """
    if step.is_irregular:
        raise GatewiseError(
            "--fill seasonal repeats the value some steps before, and irregular times have no step; give "
            "--fill linear, forward or mask"
        )
    season = given or step.usual_period
    if season is None:
        raise GatewiseError(f"a step of {step.words} has no usual season; give its steps with --period")
    return season


def fill_missing(
    values: np.ndarray, fill: str, season: int = 1, times: np.ndarray | None = None
) -> np.ndarray:
    """The values with those that are missing filled.

    values: [T], NaN where one is missing; the first one is missing only if `fill` is "zero"
    fill: "linear" interpolates, "forward" and "mask" repeat the last value, "zero" is 0, and "seasonal"
        repeats the value of `season` steps before, or in the first season the last value
    times: [T], for "linear"; None for values that are a step apart

    >>> fill_missing(np.array([1.0, 2.0, np.nan, 4.0, np.nan]), "seasonal", 2).tolist()
    [1.0, 2.0, 1.0, 4.0, 1.0]
    """
    missing = np.isnan(values)
    if fill == "zero":
        return np.where(missing, 0.0, values)
    if fill == "linear":
        known = np.flatnonzero(~missing)
        times = np.arange(len(values)) if times is None else times
        return np.interp(times, times[known], values[known])
    lag = season if fill == "seasonal" else 1
    filled = values.copy()
    for step in np.flatnonzero(missing):
        filled[step] = filled[step - (lag if step >= lag else 1)]
    return filled
