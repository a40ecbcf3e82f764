"""Series as they are in a table, with their missing steps and values."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from gatewise.data.series.overview import SeriesOverview
from gatewise.data.series.step import find_step
from gatewise.errors import GatewiseError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_PANELS, MAX_SPANS, FEW = 6, 200, 60
INK, FAULT = "#222222", "#c1440e"


def draw_series(overview: SeriesOverview) -> Figure:
    """Draws the first series of a table, each in a panel; missing steps and values are shaded.

    Raises: `GatewiseError` if the roles of the columns are not clear.
    """
    from matplotlib.figure import Figure

    timed = overview.timed
    if timed is None:
        raise GatewiseError(f"there is no series to draw: {overview.problem}")
    names = list(timed.rows)[:MAX_PANELS]
    figure = Figure(figsize=(11, 1.0 + 1.7 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, names, strict=True):
        _draw(panel, overview, name)
    count = len(timed.rows)
    step = "" if overview.step is None else f", a step of {overview.step.words}"
    shown = f" (the first {len(names)} of {count:,} series)" if count > len(names) else ""
    shading = "; shaded: missing steps and values" if shades_gaps(overview) else ""
    figure.suptitle(
        f"{', '.join(timed.columns.targets)}{step}{shown}{shading}",
        x=0.01,
        ha="left",
        fontsize=11,
        color=INK,
        parse_math=False,
    )
    return figure


def shades_gaps(overview: SeriesOverview) -> bool:
    """Whether the figure of `draw_series` shades missing steps or values."""
    shown = None if overview.series is None else overview.series.head(MAX_PANELS)
    return shown is not None and bool(((shown["missing"] + shown["empty"]) > 0).any())


def _draw(panel: Axes, overview: SeriesOverview, name: str) -> None:
    """One series: a line that is broken where steps or values are missing."""
    timed, target, empty = overview.timed, overview.target, overview.empty
    assert timed is not None
    assert target is not None
    assert empty is not None
    rows = timed.rows[name]
    _, first = np.unique(timed.ticks[rows], return_index=True)
    rows = rows[first]
    times, values = timed.times.gather(rows), target[rows]
    step, ticks = overview.step or find_step(times), times.to_numpy()
    after = np.flatnonzero([] if step.is_irregular else np.diff(step.places(times)[0]) > 1)
    known = np.flatnonzero(~empty[rows]).tolist()
    gaps = [(place, place + 1) for place in after.tolist()]
    gaps += [(one, other) for one, other in pairwise(known) if other > one + 1]
    ends = ((0, known[0]), (known[-1], len(values) - 1)) if known else ((0, len(values) - 1),)
    gaps += [(one, other) for one, other in ends if one < other]
    for start, end in gaps[:MAX_SPANS]:
        panel.axvspan(ticks[start], ticks[end], color=FAULT, alpha=0.18, lw=0)
    marker = "." if len(values) <= FEW else ""
    line = np.insert(values, after + 1, np.nan), np.insert(ticks, after + 1, ticks[after])
    panel.plot(line[1], line[0], color=INK, lw=1.1, marker=marker, ms=4)
    panel.set_title(name, loc="left", fontsize=9, color=INK, pad=3, parse_math=False)
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(x=0.01)
