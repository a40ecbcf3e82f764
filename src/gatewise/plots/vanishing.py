"""Accuracy and gradient by lag, for several cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatewise.insight.vanishing import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#2a6f97", "#c1440e", "#4c956c", "#7a5195", "#8d6b1f", "#222222")


def draw_vanishing(outcomes: Sequence[Outcome], problem: str) -> Figure:
    """Draws the accuracy (left) and the gradient before training (right) by lag."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    cells = list(dict.fromkeys(outcome.cell for outcome in outcomes))
    for cell, colour in zip(cells, COLOURS * len(cells), strict=False):
        of_cell = [outcome for outcome in outcomes if outcome.cell is cell]
        left.plot(
            [outcome.lag for outcome in of_cell],
            [outcome.accuracy for outcome in of_cell],
            "o-",
            color=colour,
            label=cell.__name__,
        )
        gradient = max(of_cell, key=lambda outcome: outcome.lag).gradient
        relative = np.where(gradient > 0, gradient, np.nan) / max(gradient[0], 1e-30)
        right.plot(relative, color=colour, lw=1.6, label=cell.__name__)
    left.set_xscale("log", base=2)
    lags = sorted({outcome.lag for outcome in outcomes})
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
