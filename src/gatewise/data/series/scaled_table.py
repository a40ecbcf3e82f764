"""A series as the array that a network reads: scaled target, calendar features, scaled covariates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import polars as pl

from gatewise.data.series.calendar import calendar, useful_cycles
from gatewise.data.series.categories import Categories, learn_categories
from gatewise.data.series.scaling import LogScale, Scale, learn_log_scale, learn_mean_scale, learn_scale
from gatewise.data.series.series_set import Series, SeriesSet
from gatewise.data.series.short_history import completed_scale
from gatewise.data.series.statics import learn_statics, static_inputs, unseen_statics
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.names import name_some
from gatewise.data.times.formats import format_time, time_order
from gatewise.errors import GatewiseError

MASK_INPUTS, MASK_TIME = ("observed", "steps since the last value"), "time since the last value"
ELAPSED = "time since the step before"
Support = Literal["real", "non-negative", "counts"]  # the values that a target can have


@dataclass(frozen=True)
class SeriesScaling:
    """Scales and calendar features, learned from the training set.

    series, covariates: the scale of each series by its id, and the scale or the categories of each covariate
    cycles: of the calendar
    seen: the last time of each series in the training and validation sets
    masked: whether networks read which values are filled
    statics: the scale or the categories of each static column
    unit_of_time: of the elapsed times that networks read, as the `length` of a step; 0 at regular times
    """

    series: Mapping[str, LogScale | Scale]
    covariates: tuple[Scale | Categories, ...]
    cycles: tuple[str, ...]
    seen: Mapping[str, str] = field(default_factory=dict)
    masked: bool = False
    statics: tuple[Scale | Categories, ...] = ()
    unit_of_time: float = 0.0

    def seen_up_to(self, source: SeriesSet, border: Callable[[int], int]) -> SeriesScaling:
        """The scaling of a model that has seen more of each series.

        border: returns the steps that it has seen of a series with a number of steps
        """
        seen = dict(self.seen)
        for series in source.series:
            last = format_time(series.times[border(len(series)) - 1])
            seen[series.id] = max(last, seen.get(series.id, last), key=time_order(series.times))
        return replace(self, seen=seen)

    def overlap(self, source: SeriesSet, border: Callable[[int], int]) -> tuple[str, ...]:
        """A warning on test sets that a model has seen before, if there are any.

        border: returns the first step of the test set of a series with a number of steps
        """
        overlaps = []
        for series in source.series:
            order, first = time_order(series.times), format_time(series.times[border(len(series))])
            if series.id in self.seen and order(first) <= order(self.seen[series.id]):
                overlaps.append(series.id)
        if not overlaps:
            return ()
        warning = (
            f"the model was trained before on times of the test set of {name_some(overlaps)}: the scores of "
            "the network are better than on new data"
        )
        return (warning,)

    def known_inputs(self, columns: Columns) -> list[str]:
        """The names of the inputs that are known in advance: of times, and of known covariates."""
        names = [ELAPSED] * bool(self.unit_of_time)
        names += [f"{wave} of the {cycle}" for cycle in self.cycles for wave in ("sine", "cosine")]
        return names + self._names(columns.known, self.covariates[: len(columns.known)])

    def observed_inputs(self, columns: Columns) -> list[str]:
        """The names of the inputs of observed covariates, and of the mask."""
        names = self._names(columns.observed, self.covariates[len(columns.known) :])
        mask = (MASK_INPUTS[0], MASK_TIME) if self.unit_of_time else MASK_INPUTS
        return names + list(mask) * self.masked

    def unseen(self, source: SeriesSet) -> list[str]:
        """Warnings on categories that are not in the training set."""
        columns, warnings = source.columns, []
        names = (*columns.known, *columns.observed)
        for place, (name, learned) in enumerate(zip(names, self.covariates, strict=True)):
            if not isinstance(learned, Categories):
                continue
            new = learned.new(one for series in source.series for one in series.categories_of(place))
            if new:
                warnings.append(
                    f"categories of column {name!r} that are not in the training set count as none: "
                    f"{name_some(new)}"
                )
        return warnings + unseen_statics([one.static for one in source.series], columns.static, self.statics)

    @staticmethod
    def _names(columns: Sequence[str], covariates: Sequence[Scale | Categories]) -> list[str]:
        return [
            one
            for name, learned in zip(columns, covariates, strict=True)
            for one in (
                [f"{name}: {category}" for category in learned.categories]
                if isinstance(learned, Categories)
                else [name]
            )
        ]


def learn_scales(
    source: SeriesSet,
    ends: list[int],
    learned: SeriesScaling | None = None,
    logarithms: Collection[str] = (),
    support: Support = "real",
    context: int = 0,
) -> SeriesScaling:
    """Learns scales from the first `ends` steps of each series.

    learned: those of an earlier training, which are kept; scales of further series are added
    context: the steps that a network reads, for which a shorter further series is completed
    logarithms: the ids of the series of which logarithms are taken
    support: of the target; "non-negative" values are divided by their mean, "counts" stay as they are

    Raises: `GatewiseError` if a value of these is not positive, or not in the support.
    """
    for series in source.series:
        require_support(series, support)
    scales, before = {}, {} if learned is None else learned.series
    for series, end in zip(source.series, ends, strict=True):
        if series.id in before:
            continue
        values = series.target[:end]
        values = values[~series.filled[:end]] if source.masked else values
        takes_logarithms = series.id in logarithms and support == "real"
        if takes_logarithms:
            _require_positive(series)
        if learned is not None and before:
            scales[series.id] = scale_of_new(values, learned, takes_logarithms, support, context)
        else:
            scales[series.id] = scale_of_values(values, takes_logarithms, support)
    if learned is not None:
        return replace(learned, series={**scales, **learned.series})
    pieces = [
        np.concatenate([series.known[:end], series.observed[:end]], axis=-1)
        for series, end in zip(source.series, ends, strict=True)
    ]
    longest = max(range(len(ends)), key=ends.__getitem__)
    cycles = useful_cycles(source.series[longest].times[: ends[longest]], source.step)
    names = (*source.columns.known, *source.columns.observed)
    covariates = tuple(
        learn_categories(column, categories, name) if categories else learn_scale(column)
        for column, categories, name in zip(
            np.concatenate(pieces).T, source.series[0].categories, names, strict=True
        )
    )
    statics = learn_statics([series.static for series in source.series], source.columns.static)
    unit = source.step.length if source.step.is_irregular else 0.0
    return SeriesScaling(scales, covariates, cycles, masked=source.masked, statics=statics, unit_of_time=unit)


def scaled_table(series: Series, learned: SeriesScaling) -> np.ndarray:
    """[T + F, 1 + C + D], scaled: the target, times, known and observed covariates, the mask.

    Times are `ln(1 + e)` of the time e since the step before, if they are irregular, and calendar features.
    Target, mask and observed covariates are NaN in the F steps beyond the last target.

    Raises: `GatewiseError` if logarithms are taken of a value that is not positive.
    """
    scale = learned.series[series.id]
    if isinstance(scale, LogScale):
        _require_positive(series)
    times = _times(series.times, learned.unit_of_time)
    beyond = len(times) - len(series)
    observed, target = series.observed, scale.apply(series.target)
    if beyond:
        observed = np.pad(observed, ((0, beyond), (0, 0)), constant_values=np.nan)
        target = np.pad(target, (0, beyond), constant_values=np.nan)
    given = zip(np.concatenate([series.known, observed], axis=-1).T, series.categories, strict=True)
    covariates = [
        covariate.apply(values, categories)
        if isinstance(covariate, Categories)
        else covariate.apply(values)[:, None]
        for covariate, (values, categories) in zip(learned.covariates, given, strict=True)
    ]
    if learned.masked:
        mask = _mask(series.filled, times[: len(series)])
        covariates.append(np.pad(mask, ((0, beyond), (0, 0)), constant_values=np.nan))
    elapsed = [np.log1p(np.diff(times, prepend=times[:1]))[:, None]] if learned.unit_of_time else []
    cycles = calendar(series.times, learned.cycles)
    return np.concatenate([target[:, None], *elapsed, cycles, *covariates], axis=-1)


def static_table(source: SeriesSet, learned: SeriesScaling) -> np.ndarray:
    """[series, S], the static inputs of each series."""
    return static_inputs([series.static for series in source.series], learned.statics)


def scaled_truth(table: np.ndarray, series: Series) -> np.ndarray:
    """[T + F], the target of a scaled table, NaN where it was missing."""
    truth = table[:, 0].copy()
    truth[: len(series)][series.filled] = np.nan
    return truth


def _times(times: pl.Series, unit: float) -> np.ndarray:
    """[T], times in a unit from the first on, or the numbers of the steps if the unit is 0."""
    if not unit:
        return np.arange(len(times))
    ticks = times.to_physical().to_numpy()
    return (ticks - ticks[0]) / unit


def _mask(filled: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[T, 2]: whether each value is observed, and the logarithm of one and the time since the last one."""
    since = times - np.maximum.accumulate(np.where(filled, times[:1], times))
    return np.stack([~filled, np.log1p(since)], axis=-1)


def scale_of_values(values: np.ndarray, takes_logarithms: bool, support: Support) -> Scale:
    """The scale of values, which are positive if logarithms are taken."""
    if support == "counts":
        return Scale(0.0, 1.0)
    if support == "non-negative":
        return learn_mean_scale(values)
    return learn_log_scale(values) if takes_logarithms else learn_scale(values)


def scale_of_new(
    values: np.ndarray, learned: SeriesScaling, takes_logarithms: bool, support: Support, context: int
) -> Scale:
    """The scale of a series that is not in the training set, as `learn_scales` learns it.

    values: those that are known of it; learned: of the training set; the others as in `learn_scales`
    """
    own = scale_of_values(values, takes_logarithms, support)
    return completed_scale(own, values, context, learned.series.values()) if support == "real" else own


def _require_positive(series: Series) -> None:
    if series.target.min() > 0:
        return
    step = int(series.target.argmin())
    raise GatewiseError(
        f"series {series.id!r} has the value {series.target[step]:g} at {format_time(series.times[step])}, "
        "which has no logarithm; train a model with --log never"
    )


def require_support(series: Series, support: Support) -> None:
    """Raises: `GatewiseError` if a value of the target is negative, or if a count is not a whole number."""
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
