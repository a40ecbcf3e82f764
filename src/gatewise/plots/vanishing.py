"""Who learns across how many steps, and what is left of the gradient there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatewise.insight.vanishing import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#2a6f97", "#c1440e", "#4c956c", "#7a5195", "#8d6b1f", "#222222")


def draw_vanishing(outcomes: Sequence[Outcome], lesson: str) -> Figure:
    """Left, who is right at which lag; right, what is left of the gradient before training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    cells = list(dict.fromkeys(one.cell for one in outcomes))
    for cell, colour in zip(cells, COLOURS * len(cells), strict=False):
        own = [one for one in outcomes if one.cell is cell]
        left.plot(
            [one.lag for one in own], [one.right for one in own], "o-", color=colour, label=cell.__name__
        )
        longest = max(own, key=lambda one: one.lag).gradient
        shown = np.where(longest > 0, longest, np.nan) / max(longest[0], 1e-30)
        right.plot(shown, color=colour, lw=1.6, label=cell.__name__)
    left.set_xscale("log", base=2)
    lags = sorted({one.lag for one in outcomes})
    left.set_xticks(lags, [str(lag) for lag in lags], minor=False)
    left.set_ylim(-0.03, 1.03)
    left.set_xlabel("steps from what decides to the answer")
    left.set_ylabel("share of right answers")
    left.set_title(f"{lesson}: who learns across how many steps", loc="left", fontsize=11)
    right.set_yscale("log")
    right.set_xlabel("steps back from the answer")
    right.set_ylabel("gradient, against that at the answer")
    right.set_title("what is left of the gradient, before training", loc="left", fontsize=11)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    return figure
