"""The last windows of series, from which the steps beyond their ends are forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
import torch

from gatewise.data.series.scaled_table import SeriesScaling, scaled_table
from gatewise.data.series.scaling import Scale
from gatewise.data.series.series_set import Series, SeriesSet
from gatewise.data.series.step import Step
from gatewise.data.series.windows import WindowBatch
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.data import static_inputs_of
from gatewise.tasks.forecast.plan import WindowPlan


class LatestWindows(NamedTuple):
    """The last context of each series as one batch, the times to forecast, and the scales."""

    batch: WindowBatch
    times: list[pl.Series]
    scales: list[Scale]


def latest(source: SeriesSet, plan: WindowPlan, scaling: SeriesScaling) -> LatestWindows:
    """The last context of each series with the known covariates of the horizon, and the horizon's times.

    Raises: `GatewiseError` if known covariates are not given for the whole horizon.
    """
    ends = [len(series) for series in source.series]
    scaling = plan.learn_scales(source, ends, scaling)
    windows, times = [], []
    for series in source.series:
        rows_ahead = len(series.times) - len(series)
        if source.columns.known and rows_ahead < plan.horizon:
            raise GatewiseError(
                f"series {series.id!r} has {rows_ahead} rows beyond its last {source.columns.target!r}; "
                f"a horizon of {plan.horizon} needs {', '.join(source.columns.known)} for as many, in the "
                "file or with --known-from"
            )
        series = _extended(series, source.step, plan.horizon)
        rows = scaled_table(series, scaling)[max(len(series) - plan.context, 0) :]
        missing = plan.context + plan.horizon - len(rows)
        rows = np.pad(rows, ((missing, 0), (0, 0)), mode="edge")
        windows.append(torch.from_numpy(rows).float())
        times.append(series.times[len(series) :])
    stacked = torch.stack(windows)
    known = 1 + len(scaling.known_inputs(source.columns))
    past, future = stacked[:, : plan.context], stacked[:, plan.context :]
    static = static_inputs_of(source, scaling).values
    batch = WindowBatch(past, future[:, :, 1:known], future[:, :, 0], torch.arange(len(windows)), static)
    return LatestWindows(batch, times, [scaling.series[series.id] for series in source.series])


def _extended(series: Series, step: Step, horizon: int) -> Series:
    """The series with times and known covariates for exactly the horizon beyond its end."""
    end = len(series) + horizon
    times = step.extended(series.times, end)
    known = np.pad(series.known[:end], ((0, max(end - len(series.known), 0)), (0, 0)))
    return replace(series, times=times, known=known)
