"""Figures of a backtest: the forecasts of every origin, and the error by step of the horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gatewise.modules.levels import interval_title, median_index, symmetric_pairs
from gatewise.tasks.forecast.metrics import METRICS
from gatewise.tasks.forecast.plots import BASELINE, INK, NETWORK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gatewise.tasks.forecast.backtest_scores import BacktestScores

HISTORY = 2  # lengths of the backtest that are shown before it, at most
BOUND = 1.96  # standard deviations of an autocorrelation, for 95%
TICKS = (None, 3, 7)  # of dates in a third of a figure: in their own zone, at least, at most
DASHES = ("--", "-.", ":")  # of the baselines


def draw_forecasts(backtest: BacktestScores) -> Figure:
    """Draws the first series with the median and the widest interval of every origin."""
    from matplotlib.figure import Figure

    series, made = backtest.source.series[0], backtest.forecasts
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.add_subplot()
    ends = made.end[made.series == 0]
    quantiles = made.quantiles[backtest.model][made.series == 0]
    times, horizon = series.times.to_numpy(), backtest.rolling.horizon
    first = max(int(ends[0]) - HISTORY * (len(series) - int(ends[0])), 0)
    marker = "." if backtest.source.step.is_irregular else None
    axes.plot(
        times[first : len(series)],
        series.target[first:],
        color=INK,
        lw=1.3,
        marker=marker,
        ms=4,
        label="actual",
    )
    middle, overlap = median_index(backtest.levels), backtest.rolling.overlap
    opacity, width = max(0.18 / (1 + overlap), 0.02), 1.6 if not overlap else 1.0
    for number, (end, own) in enumerate(zip(ends, quantiles, strict=True)):
        shown = times[end - 1 : end + horizon]
        curves = np.concatenate([np.full((1, own.shape[1]), series.target[end - 1]), own])
        labels = (f"{interval_title(backtest.levels)} interval", f"{backtest.model}, median")
        band_label, label = (None, None) if number else labels
        for low, high in symmetric_pairs(backtest.levels)[:1]:
            band = (curves[:, low], curves[:, high])
            axes.fill_between(shown, *band, color=NETWORK, alpha=opacity, lw=0, label=band_label)
        axes.plot(shown, curves[:, middle], color=NETWORK, lw=width, label=label)
        axes.axvline(times[end - 1], color=INK, lw=0.6, alpha=0.35)
    title = f"{series.id}: {horizon} steps of {backtest.source.step.words}, forecast at each grey line"
    if len(backtest.source.series) > 1:
        title += f" (the first of {len(backtest.source.series)} series)"
    axes.set_ylabel(backtest.source.columns.target_of(series.id), parse_math=False)
    _finish(axes, title, columns=4)
    return figure


def draw_errors(backtest: BacktestScores) -> Figure:
    """Draws the metric that ranks, of the model and of each baseline by step of the horizon."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axes = figure.add_subplot()
    steps = backtest.scores.filter(pl.col("step").is_not_null())
    for number, name in enumerate((backtest.model, *backtest.baselines)):
        own = steps.filter(pl.col("model") == name)
        style: dict[str, Any] = {"color": NETWORK, "lw": 1.8, "zorder": 3}
        if number:
            style = {"color": BASELINE, "lw": 1.2, "ls": DASHES[(number - 1) % len(DASHES)]}
        label = name if not number else f"{name} (baseline)"
        marker = "o" if backtest.rolling.horizon == 1 else None
        axes.plot(own["step"], own[backtest.ranking], label=label, marker=marker, **style)
    axes.set_xlabel(f"step of the horizon ({backtest.source.step.words})")
    axes.set_ylabel(METRICS[backtest.ranking].title)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    windows = backtest.rolling.windows
    _finish(axes, f"error of {windows} origin{'s' * (windows > 1)}, by step", columns=2)
    return figure


def draw_residuals(backtest: BacktestScores) -> Figure:
    """Draws the residuals of the first series, their autocorrelation, and the coverage of every level."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.2), layout="constrained")
    in_time, by_lag, by_step = figure.subplots(1, 3)
    _draw_residuals(in_time, by_lag, backtest)
    _draw_coverage(by_step, backtest)
    for axes in (in_time, by_lag, by_step):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_residuals(in_time: Axes, by_lag: Axes, backtest: BacktestScores) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    series, own = backtest.source.series[0], backtest.one_step
    is_first = own.series == 0
    times = series.times.to_numpy()[own.end[is_first]]
    in_time.axhline(0, color=INK, lw=0.6)
    in_time.plot(times, own.values[is_first], color=NETWORK, lw=1, marker=".", ms=4)
    if times.dtype.kind == "M":
        in_time.xaxis.set_major_locator(locator := AutoDateLocator(*TICKS))
        in_time.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    name = series.id if len(backtest.source.series) == 1 else f"{series.id} (the first series)"
    in_time.set_title(f"{name}: residuals of one step", loc="left", fontsize=11, parse_math=False)
    test = backtest.ljung_box.row(0, named=True)
    found = backtest.autocorrelation.filter(pl.col("series") == series.id)
    by_lag.axhline(0, color=INK, lw=0.6)
    by_lag.bar(found["lag"], found["autocorrelation"], width=0.3, color=NETWORK)
    if test["p_value"] is None:
        by_lag.set_title("too few residuals for their autocorrelation", loc="left", fontsize=11)
        return
    for bound in (-1, 1):
        by_lag.axhline(bound * BOUND / np.sqrt(test["residuals"]), color=BASELINE, lw=1, ls="--")
    by_lag.set_xlabel("lag; dashed: 95% bounds of no autocorrelation")
    by_lag.xaxis.set_major_locator(MaxNLocator(integer=True))
    by_lag.set_title(
        f"autocorrelation (Ljung-Box p = {test['p_value']:.2g})", loc="left", fontsize=11, parse_math=False
    )


def _draw_coverage(axes: Axes, backtest: BacktestScores) -> None:
    """The fraction of values below each quantile, by step, beside its level."""
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    for level in backtest.levels:
        own = backtest.coverage.filter(pl.col("level") == level)
        colour = colormaps["viridis"](0.9 * level)
        axes.axhline(level, color=colour, lw=0.8, ls=":")
        axes.plot(own["step"], own["fraction"], color=colour, lw=1.4, marker=".", ms=4)
        place: dict[str, Any] = {
            "xytext": (3, -3),
            "textcoords": "offset points",
            "fontsize": 8,
            "color": colour,
        }
        axes.annotate(f"{level:g}", (1, level), xycoords=axes.get_yaxis_transform(), **place)
    axes.set_ylim(-0.03, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step of the horizon; dotted: the levels")
    axes.set_title("fraction of values below each quantile", loc="left", fontsize=11)


def _finish(axes: Axes, title: str, columns: int) -> None:
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
    axes.legend(frameon=False, ncols=columns, loc="upper left", bbox_to_anchor=(0, -0.12))
