"""Across how many steps cells learn, and the gradient at each step back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatewise.insight.vanishing import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#2a6f97", "#c1440e", "#4c956c", "#7a5195", "#8d6b1f", "#222222")


def draw_vanishing(outcomes: Sequence[Outcome], problem: str) -> Figure:
    """Left, the accuracy against the lag; right, the gradient against the lag before training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    cells = list(dict.fromkeys(one.cell for one in outcomes))
    for cell, colour in zip(cells, COLOURS * len(cells), strict=False):
        own = [one for one in outcomes if one.cell is cell]
        left.plot(
            [one.lag for one in own], [one.accuracy for one in own], "o-", color=colour, label=cell.__name__
        )
        longest = max(own, key=lambda one: one.lag).gradient
        shown = np.where(longest > 0, longest, np.nan) / max(longest[0], 1e-30)
        right.plot(shown, color=colour, lw=1.6, label=cell.__name__)
    left.set_xscale("log", base=2)
    lags = sorted({one.lag for one in outcomes})
    left.set_xticks(lags, [str(lag) for lag in lags], minor=False)
    left.set_ylim(-0.03, 1.03)
    left.set_xlabel("lag in steps")
    left.set_ylabel("accuracy")
    left.set_title(f"{problem}: accuracy by lag", loc="left", fontsize=11)
    right.set_yscale("log")
    right.set_xlabel("steps back from the target")
    right.set_ylabel("gradient, relative to the last step")
    right.set_title("gradient before training", loc="left", fontsize=11)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    return figure
