"""A series as the array that a network reads: scaled target, calendar features, scaled covariates."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from gatewise.data.series.calendar import calendar, useful_cycles
from gatewise.data.series.scaling import LogScale, Scale, learn_log_scale, learn_mean_scale, learn_scale
from gatewise.data.series.series import Series, SeriesSet
from gatewise.data.times.formats import format_time
from gatewise.errors import GatewiseError

Support = Literal["real", "non-negative", "counts"]  # the values that a target can have


@dataclass(frozen=True)
class SeriesScaling:
    """Scales and calendar features, learned from the training set.

    series, covariates: the scale of each series by its id, and of each covariate; cycles: of the calendar
    seen: the last time of each series in the training and validation sets
    """

    series: Mapping[str, LogScale | Scale]
    covariates: tuple[Scale, ...]
    cycles: tuple[str, ...]
    seen: Mapping[str, str] = field(default_factory=dict)


def learn_scales(
    source: SeriesSet,
    ends: list[int],
    learned: SeriesScaling | None = None,
    logarithms: Collection[str] = (),
    support: Support = "real",
) -> SeriesScaling:
    """Learns scales from the first `ends` steps of each series.

    learned: those of an earlier training, which are kept; scales of further series are added
    logarithms: the ids of the series of which logarithms are taken
    support: of the target; "non-negative" values are divided by their mean, "counts" stay as they are

    Raises: `GatewiseError` if a value of these is not positive, or not in the support.
    """
    for series in source.series:
        require_support(series, support)
    scales = {
        series.id: _learn(series, end, series.id in logarithms, support)
        for series, end in zip(source.series, ends, strict=True)
    }
    if learned is not None:
        return replace(learned, series={**scales, **learned.series})
    pieces = [
        np.concatenate([series.known[:end], series.observed[:end]], axis=-1)
        for series, end in zip(source.series, ends, strict=True)
    ]
    longest = max(range(len(ends)), key=ends.__getitem__)
    cycles = useful_cycles(source.series[longest].times[: ends[longest]], source.step)
    covariates = tuple(learn_scale(column) for column in np.concatenate(pieces).T)
    return SeriesScaling(scales, covariates, cycles)


def scaled_table(series: Series, learned: SeriesScaling) -> np.ndarray:
    """[T + F, 1 + C + D], scaled: the target, calendar features, known and observed covariates.

    Target and observed covariates are NaN in the F steps beyond the last target.

    Raises: `GatewiseError` if logarithms are taken of a value that is not positive.
    """
    scale = learned.series[series.id]
    if isinstance(scale, LogScale):
        _require_positive(series)
    beyond = len(series.times) - len(series)
    observed, target = series.observed, scale.apply(series.target)
    if beyond:
        observed = np.pad(observed, ((0, beyond), (0, 0)), constant_values=np.nan)
        target = np.pad(target, (0, beyond), constant_values=np.nan)
    covariates = np.concatenate([series.known, observed], axis=-1)
    for place, covariate in enumerate(learned.covariates):
        covariates[:, place] = covariate.apply(covariates[:, place])
    return np.concatenate([target[:, None], calendar(series.times, learned.cycles), covariates], axis=-1)


def _learn(series: Series, end: int, takes_logarithms: bool, support: Support) -> Scale:
    if support == "counts":
        return Scale(0.0, 1.0)
    if support == "non-negative":
        return learn_mean_scale(series.target[:end])
    if not takes_logarithms:
        return learn_scale(series.target[:end])
    _require_positive(series)
    return learn_log_scale(series.target[:end])


def _require_positive(series: Series) -> None:
    if series.target.min() > 0:
        return
    step = int(series.target.argmin())
    raise GatewiseError(
        f"series {series.id!r} has the value {series.target[step]:g} at {format_time(series.times[step])}, "
        "which has no logarithm; train a model with --log never"
    )


def require_support(series: Series, support: Support) -> None:
    """Raises: `GatewiseError` if a value of the target is negative, or if a count is no whole number."""
    if support == "real":
        return
    target, kind = series.target, "values that are not negative"
    refused = target < 0
    if support == "counts":
        refused, kind = refused | (target != np.round(target)), "counts"
    if refused.any():
        step = int(refused.argmax())
        raise GatewiseError(
            f"series {series.id!r} has the value {target[step]:g} at {format_time(series.times[step])}; "
            f"this --head is a distribution of {kind}: train a model with --head quantiles"
        )
