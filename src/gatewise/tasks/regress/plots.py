"""Predicted against true targets."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from gatewise.tasks.regress.metrics import TargetPredictions, explained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TARGETS_SHOWN, COLUMNS = 6, 3
INK, NETWORK = "#222222", "#2a6f97"


def draw_predicted(predictions: TargetPredictions, name: str, targets: tuple[str, ...]) -> Figure:
    """Draws predicted against true values, a panel for each of the first targets.

    Args:
        predictions: of the test set
        name: of the network
        targets: the names of the targets
    """
    from matplotlib.figure import Figure

    shown = targets[:TARGETS_SHOWN]
    columns = min(len(shown), COLUMNS)
    rows = ceil(len(shown) / columns)
    side = 5.2 if len(shown) == 1 else 3.8
    figure = Figure(figsize=(side * columns, side * rows), layout="constrained")
    r2 = explained(predictions)
    for number, target in enumerate(shown):
        axes = figure.add_subplot(rows, columns, number + 1)
        _draw_panel(axes, predictions.truth[:, number], predictions.predicted[:, number])
        score = "" if np.isnan(r2[number]) else f"R2 {r2[number]:.3f}"
        axes.set_title(f"{name}: {target}", loc="left", fontsize=11, parse_math=False)
        axes.annotate(score, (0.03, 0.97), xycoords="axes fraction", va="top", color=INK)
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
    return figure


def _draw_panel(axes: Axes, truth: np.ndarray, predicted: np.ndarray) -> None:
    """Draws points on equal axes, and the diagonal, where they would be right."""
    low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
    margin = 0.05 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, color=INK, lw=1.0, ls="--")
    axes.scatter(truth, predicted, s=22, color=NETWORK, alpha=max(0.15, min(0.8, 40 / len(truth))), lw=0)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)
