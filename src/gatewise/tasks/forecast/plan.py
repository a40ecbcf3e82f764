"""How series are split, cut into windows and scaled for forecasting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from gatewise.data.series.period import require_period
from gatewise.data.series.scaled_table import SeriesScaling, Support, learn_scales
from gatewise.data.series.series_set import SeriesSet
from gatewise.data.splits import Fractions, time_split
from gatewise.modules.levels import LEVELS
from gatewise.tasks.forecast.lengths import MIN_PAST
from gatewise.tasks.forecast.normalization import Normalization

LONGEST_USUAL_CONTEXT = 168
DEFAULT_FRACTION = 0.15
DEFAULT_FRACTIONS = Fractions(DEFAULT_FRACTION, DEFAULT_FRACTION)
PERIOD_SERIES = 64  # the longest ones, in which a period is looked for
HELD_OUT_WINDOWS, HELD_OUT_HORIZONS = 4096, 2  # that suffice for the validation set, and for the test set


@dataclass(frozen=True)
class WindowPlan:
    """How series are split, cut into windows and forecast. A zero is found from the data.

    horizon, context, period: in steps
    fractions: of each series in the validation set and in the test set
    max_held_out: the most steps of a series in the validation set, and in the test set; None for no limit
    log: whether logarithms are taken of the series without a value that is zero or negative
    normalization: the units of windows, as in `window_units`
    levels: of the quantiles that are forecast, ascending, with 0.5
    support: the values that the target can have, which determines how series are scaled
    refit: whether linear forecasts are fitted again, on training and validation set, after validation
    """

    horizon: int
    context: int = 0
    period: int = 0
    fractions: Fractions = DEFAULT_FRACTIONS
    max_held_out: int | None = None
    log: bool = False
    normalization: Normalization = "series"
    levels: tuple[float, ...] = LEVELS
    support: Support = "real"
    refit: bool = False

    def borders(self, steps: int) -> tuple[int, int]:
        """The first steps of the validation set and of the test set of a series."""
        return time_split(steps, self.fractions, self.horizon, self.max_held_out)

    def padding(self, steps: int) -> int:
        """The copies of its first step that precede a series which is shorter than a window.

        steps: of its training set
        """
        if steps >= self.context + self.horizon:
            return 0
        shortest = max(min(self.horizon, steps - self.horizon), MIN_PAST)
        return max(self.context - shortest, 0)

    def learn_scales(
        self, source: SeriesSet, ends: list[int], learned: SeriesScaling | None
    ) -> SeriesScaling:
        """The scales of series, as `scaled_table.learn_scales` learns them."""
        logarithms = positive_series(source) if self.log else ()
        return learn_scales(source, ends, learned, logarithms, self.support, self.context)


def complete_plan(plan: WindowPlan, source: SeriesSet) -> WindowPlan:
    """The plan with its context and period found from the data where they are zero."""
    longest = sorted(source.series, key=len, reverse=True)[:PERIOD_SERIES]
    training = [series.target[: max(plan.borders(len(series))[0], 3)] for series in longest]
    period = require_period(plan.period, training, source.step)
    useful = min(max(2 * period, 3 * plan.horizon, 24), LONGEST_USUAL_CONTEXT)
    usual = int(np.median([plan.borders(len(series))[0] for series in source.series]))
    context = plan.context or max(min(useful, usual // 2 - plan.horizon), 1)
    return replace(plan, context=context, period=period)


def with_held_out(plan: WindowPlan, source: SeriesSet) -> WindowPlan:
    """The plan with its most steps held out found from the data where they are zero.

    Of many series fewer steps are held out than the fractions demand: as many as make `HELD_OUT_WINDOWS`
    windows of all series together, and at least `HELD_OUT_HORIZONS` horizons.
    """
    if plan.max_held_out != 0:
        return plan
    windows = ceil(HELD_OUT_WINDOWS / len(source.series))
    most = max(windows + plan.horizon - 1, HELD_OUT_HORIZONS * plan.horizon)
    return replace(plan, max_held_out=most)


def positive_series(source: SeriesSet) -> set[str]:
    """The ids of the series without a value that is zero or negative."""
    return {series.id for series in source.series if series.target.min(initial=np.inf) > 0}
