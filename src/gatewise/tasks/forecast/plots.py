"""The end of a series, true and forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.modules.levels import interval_title, median_index, symmetric_pairs
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.metrics import Forecasts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HORIZONS_SHOWN = 4
INK, NETWORK, BASELINE = "#222222", "#c1440e", "#2a6f97"


def draw_forecast(comparison: Comparison[ForecastData, Forecasts]) -> Figure:
    """Draws history, truth, the chosen network's median and widest interval, and the chosen baseline.

    The last horizons of the test set, each forecast from the values before it.
    """
    from matplotlib.figure import Figure

    data = comparison.data
    series = data.source.series[0]
    network, baseline = comparison.chosen(baseline=False), comparison.chosen(baseline=True)
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.add_subplot()
    count = _horizons(data)
    first = len(series) - count * data.plan.horizon
    _draw_truth(axes, data, max(first - max(2 * count * data.plan.horizon, data.plan.period), 0))
    times = series.times.to_numpy()
    origins = np.arange(first - 1, len(series) - 1, data.plan.horizon)
    horizon_times = times[origins[:, None] + np.arange(data.plan.horizon + 1)]
    if baseline is not None:
        median = _last_forecasts(baseline.predictions, data, origins)[:, :, median_index(data.plan.levels)]
        style = {
            "color": BASELINE,
            "lw": 1.2,
            "ls": "--",
            "zorder": 3,
        }  # above a network that predicts the same
        _draw_each(axes.plot, horizon_times, [median], f"{baseline.name} (baseline)", **style)
    if network is not None:
        quantiles = _last_forecasts(network.predictions, data, origins)
        _draw_quantiles(axes, horizon_times, quantiles, data.plan.levels, network.name)
    for origin in times[origins]:
        axes.axvline(origin, color=INK, lw=0.6, alpha=0.35)
    title = f"{series.id}: {data.plan.horizon} steps of {data.source.step.words}, forecast at each grey line"
    if len(data.source.series) > 1:
        title += f" (the first of {len(data.source.series)} series)"
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    axes.set_ylabel(data.source.columns.target_of(series.id), parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
    axes.legend(frameon=False, ncols=4, loc="upper left", bbox_to_anchor=(0, -0.08))
    return figure


def _draw_truth(axes: Axes, data: ForecastData, first: int) -> None:
    """Draws the values of the first series. first: the first step that is shown"""
    series = data.source.series[0]
    axes.plot(
        series.times.to_numpy()[first : len(series)],
        data.truth_of(series)[first:],
        color=INK,
        lw=1.3,
        label="truth",
        marker="." if data.learned.masked or data.source.step.is_irregular else None,  # between gaps no line
        ms=4,
    )


def _draw_quantiles(
    axes: Axes, times: np.ndarray, quantiles: np.ndarray, levels: Sequence[float], name: str
) -> None:
    """Draws the median and the widest interval of forecasts [count, 1 + Q, n]. name: of the network"""
    for low, high in symmetric_pairs(levels)[:1]:
        _draw_each(
            axes.fill_between,
            times,
            [quantiles[:, :, low], quantiles[:, :, high]],
            f"{name}, {interval_title(levels)} interval",
            color=NETWORK,
            alpha=0.18,
            lw=0,
        )
    median = quantiles[:, :, median_index(levels)]
    _draw_each(axes.plot, times, [median], f"{name}, median", color=NETWORK, lw=1.6)


def _draw_each(
    draw: Callable[..., object], times: np.ndarray, values: list[np.ndarray], label: str, **style: Any
) -> None:
    """Draws forecasts [count, 1 + Q], each as a line of its own."""
    for row, row_times in enumerate(times):
        draw(row_times, *(curve[row] for curve in values), label=None if row else label, **style)


def _horizons(data: ForecastData) -> int:
    """How many whole horizons of the first series' test set are shown."""
    series = data.source.series[0]
    test = len(series) - data.plan.borders(len(series))[1]
    return min(HORIZONS_SHOWN, test // data.plan.horizon)


def _last_forecasts(forecasts: Forecasts, data: ForecastData, origins: np.ndarray) -> np.ndarray:
    """[count, 1 + Q, n]: the last value at each origin of the first series, and the forecast from there."""
    series = data.source.series[0]
    last = int((data.test.series == 0).nonzero().max())
    forecast = forecasts.quantiles((last - (origins[-1] - origins)).tolist()).numpy()
    origin_values = np.broadcast_to(series.target[origins, None, None], (len(origins), 1, forecast.shape[-1]))
    return np.concatenate([origin_values, forecast], axis=1)
