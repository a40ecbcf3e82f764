"""Small made series that tests train on, and a comparison's callback that keeps quiet."""

import numpy as np
import polars as pl

from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.modules.levels import LEVELS
from gatewise.tasks.forecast.data import prepare
from gatewise.tasks.forecast.plan import WindowPlan


def seasonal(steps=160, period=12, noise=0.1, seed=0):
    """Monthly values with a season, a slow wave and noise, none of them zero."""
    time = np.arange(steps)
    drawn = np.random.default_rng(seed).normal(size=steps)
    return 10 + np.sin(2 * np.pi * time / period) + 0.5 * np.sin(time / 17) + noise * drawn


def frame(**options):
    """Such a series as a table."""
    values = seasonal(**options)
    months = [f"{1990 + month // 12}-{month % 12 + 1:02d}" for month in range(len(values))]
    return pl.DataFrame({"month": months, "value": values})


def intermittent(steps=400, seed=0):
    """Daily counts, most of them zero, more on the last two days of a week."""
    random = np.random.default_rng(seed)
    mean = np.where(np.arange(steps) % 7 < 5, 0.2, 2.5)
    days = pl.date_range(pl.date(2021, 1, 4), pl.date(2021, 1, 4) + pl.duration(days=steps - 1), eager=True)
    return pl.DataFrame({"day": days, "sold": random.negative_binomial(2, 2 / (2 + mean))})


def data(horizon=4, context=12, period=12, levels=LEVELS, **options):
    """Such a series, ready for forecasting."""
    plan = WindowPlan(horizon, context, period, levels=levels)
    return prepare(read_series(frame(**options), Columns(target="value")), plan)


class Quiet:
    """A callback that remembers who finished."""

    def __init__(self):
        self.finished = []

    def notes(self, lines):
        pass

    def begin(self, name):
        pass

    def progress(self, fraction, message):
        assert 0 <= fraction <= 1

    def preview(self, text):
        pass

    def warn(self, sentence):
        pass

    def finish(self, result, metric):
        self.finished.append(result.name)
