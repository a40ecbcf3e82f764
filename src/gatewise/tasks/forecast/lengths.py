"""Series that are long enough to learn from, or to forecast."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gatewise.data.series.series_set import SeriesSet
from gatewise.data.tables.names import name_some
from gatewise.errors import GatewiseError

MIN_PAST = 2  # steps of the shortest window, without padding


def long_enough(source: SeriesSet, horizon: int, training: Callable[[int], int]) -> SeriesSet:
    """The series whose training set fits the shortest window, with a warning on the others.

    training: returns the steps of the training set of a series with a number of steps

    Raises: `GatewiseError` if every series is too short.
    """
    needed = horizon + MIN_PAST
    kept, short = source.divided(lambda series: training(len(series)) >= needed)
    if not kept.series:
        longest = max(short, key=len)
        steps = max(training(len(longest)), 0)
        raise GatewiseError(
            f"series {longest.id!r} has {len(longest)} steps, {steps} of them in the training set; a horizon "
            f"of {horizon} needs {needed}: give more data or a shorter --horizon"
        )
    if not short:
        return source
    return kept.warned(
        f"{len(short)} of {len(source.series)} series are left out, too short for a horizon of {horizon}: "
        f"{name_some([series.id for series in short])}"
    )


def with_values(source: SeriesSet) -> SeriesSet:
    """The series with a value, with a warning on the others. Raises: `GatewiseError` if none has one."""
    kept, empty = source.divided(lambda series: len(series) > 0)
    if not kept.series:
        raise GatewiseError(
            f"no series has a value of {source.columns.target!r} to forecast from: give one at least, "
            "which sets the level and the scale"
        )
    if not empty:
        return source
    return kept.warned(
        f"{len(empty)} of {len(source.series)} series have no value and no forecast: "
        f"{name_some([series.id for series in empty])}"
    )


def new_or_short(source: SeriesSet, seen: Collection[str], context: int) -> list[str]:
    """Warnings on series that are forecast, but are not in the training set, or shorter than a context.

    seen: the ids of the training set; context: the steps that a network reads
    """
    count, warnings = len(source.series), []
    if new := [series.id for series in source.series if series.id not in seen]:
        warnings.append(
            f"{len(new)} of {count} series are not in the training set, and are scaled by their own values: "
            f"{name_some(new)}"
        )
    if short := [series.id for series in source.series if len(series) < context]:
        warnings.append(
            f"{len(short)} of {count} series are shorter than the context of {context} steps, and padded "
            f"with their first value: {name_some(short)}"
        )
    return warnings
