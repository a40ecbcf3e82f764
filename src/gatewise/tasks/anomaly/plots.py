"""A stretch of the test set: the series with the expected band, the score with its threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.tasks.anomaly.data import AnomalyData
from gatewise.tasks.anomaly.metrics import Detections, runs, series_windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEPS_SHOWN = 300
INK, NETWORK, FLAGGED, LABELLED = "#222222", "#2a6f97", "#c1440e", "#e9a23b"
MIN_SCORE_SHOWN = 0.1


def draw_anomalies(predictions: Detections, name: str, data: AnomalyData) -> Figure:
    """Draws the series and its normal band, and the scores below; flagged stretches and labels are coloured.

    The band holds the values that are not flagged: location +- threshold * scale. Of a long test set, the
    stretch with most labelled and flagged steps is shown, of the series that has most of them.
    """
    from matplotlib.figure import Figure

    windows, scores = predictions.split, predictions.scores
    flags, labels = predictions.flags, windows.labels.numpy()
    marks = flags.astype(int) + labels
    stretch = max(series_windows(windows), key=lambda numbers: int(marks[numbers].sum()))
    stretch = stretch[_busiest(marks[stretch])]
    series = data.source.series[int(windows.series[stretch[0]])]
    scale, threshold = data.learned.series[series.id], float(predictions.network.threshold)
    times = series.times.to_numpy()[windows.steps.numpy()[stretch]]
    location, reach = scores.location[stretch], threshold * scores.scale[stretch]
    low, high = scale.undo(location - reach), scale.undo(location + reach)

    figure = Figure(figsize=(11, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    above.fill_between(times, low, high, color=NETWORK, alpha=0.18, lw=0, label="not flagged")
    above.plot(times, scale.undo(location), color=NETWORK, lw=1.2, label=f"{name}, expected")
    above.plot(times, scale.undo(scores.truth[stretch]), color=INK, lw=1.2, label="value")
    below.plot(times, scores.score[stretch].clip(MIN_SCORE_SHOWN), color=INK, lw=1.0)
    below.axhline(threshold, color=FLAGGED, lw=1.0, ls="--", label=f"threshold {threshold:.3g}")
    below.set_yscale("log")
    _shade(above, times, flags[stretch], FLAGGED, "flagged", 0.0, 1.0)
    _shade(below, times, flags[stretch], FLAGGED, "flagged", 0.0, 1.0)
    _shade(above, times, labels[stretch], LABELLED, "labelled as an anomaly", 0.0, 0.035)
    _limit(above, scale.undo(scores.truth[stretch]), low, high)
    title = f"{series.id}: the test set, a step is {data.source.step.words}"
    above.set_title(title, loc="left", fontsize=11, parse_math=False)
    above.set_ylabel(data.source.columns.target, parse_math=False)
    below.set_ylabel("score")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
    handles = dict(zip(*reversed(above.get_legend_handles_labels()), strict=True))
    handles |= dict(zip(*reversed(below.get_legend_handles_labels()), strict=True))
    below.legend(
        handles.values(), handles.keys(), frameon=False, ncols=6, loc="upper left", bbox_to_anchor=(0, -0.2)
    )
    return figure


def _busiest(marks: np.ndarray) -> slice:
    """The stretch of `STEPS_SHOWN` steps that has most marks; the last one among equals."""
    if len(marks) <= STEPS_SHOWN:
        return slice(0, len(marks))
    sums = np.convolve(marks, np.ones(STEPS_SHOWN, int), mode="valid")
    first = len(sums) - 1 - int(sums[::-1].argmax())
    return slice(first, first + STEPS_SHOWN)


def _shade(
    axes: Axes, times: np.ndarray, marks: np.ndarray, colour: str, label: str, low: float, high: float
) -> None:
    """Colours the stretches of marked steps, each from half a step before it to half a step after it."""
    positions = times.astype("datetime64[us]").astype(np.int64) if times.dtype.kind == "M" else times
    half = (positions[1] - positions[0]) / 2 if len(positions) > 1 else 0.5

    def as_time(position: float) -> Any:
        return np.datetime64(int(position), "us") if times.dtype.kind == "M" else position

    for number, run in enumerate(runs(marks)):
        first, last = as_time(positions[run.first] - half), as_time(positions[run.last - 1] + half)
        axes.axvspan(
            first,
            last,
            low,
            high,
            color=colour,
            alpha=0.9 if high < 1 else 0.2,
            lw=0,
            label=None if number else label,
        )


def _limit(axes: Axes, values: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Limits the axis to the values and the usual band: a wide band after an anomaly is cut off."""
    lowest = min(values.min(), float(np.quantile(low, 0.02)))
    highest = max(values.max(), float(np.quantile(high, 0.98)))
    margin = 0.06 * (highest - lowest) or 1.0
    axes.set_ylim(lowest - margin, highest + margin)
