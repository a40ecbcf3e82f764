"""The trials of a search, and how much each option mattered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gatewise.metrics.metric import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRIAL, BEST = "#7a9cc6", "#c1440e"


def draw_search(table: pl.DataFrame, metric: Metric, importances: Mapping[str, float]) -> Figure:
    """Draws the metric of each trial on the validation set, and the importance of each option.

    table: a row for each trial, with its number and the metric, null where it was stopped early
    importances: by option, of 1 in total; none if there are too few trials
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, 2, width_ratios=[3, 2]) if importances else [figure.subplots()]
    _draw_trials(panels[0], table, metric)
    if importances:
        names = list(importances)[::-1]
        panels[1].barh(names, [importances[name] for name in names], color=TRIAL)
        panels[1].set_title("importance of each option", loc="left", fontsize=10)
        panels[1].spines[["top", "right"]].set_visible(False)
    return figure


def _draw_trials(axes: Axes, table: pl.DataFrame, metric: Metric) -> None:
    from matplotlib.ticker import MaxNLocator

    finished = table.drop_nulls(metric.name).sort("trial")
    trials, values = finished["trial"].to_numpy(), finished[metric.name].to_numpy()
    best = np.maximum.accumulate(values) if metric.higher_is_better else np.minimum.accumulate(values)
    axes.plot(trials, values, "o", color=TRIAL, ms=4, label="a trial")
    axes.step(trials, best, where="post", color=BEST, lw=1.5, label="the best so far")
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"{metric.title} on the validation set", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
