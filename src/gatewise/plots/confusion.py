"""What each class was taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INK, PAPER, COUNTED = "#222222", "#ffffff", 30
CELL, LETTER = 0.45, 0.09  # inches


def draw_confusion(table: np.ndarray, classes: tuple[str, ...], who: str) -> Figure:
    """Draws a confusion matrix: a row for each true class, shaded by its fractions, with the counts.

    table: [K, K], how often the class of a row was taken for that of a column
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    fractions = table / np.maximum(table.sum(1, keepdims=True), 1)
    inside = min(max(CELL * len(classes), 2.4), 12)
    names = [name if len(name) < 19 else f"{name[:17]}…" for name in classes]
    figure = Figure(figsize=(inside + 3.1, inside + 2.2), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(fractions, cmap="Blues", norm=PowerNorm(0.6, 0, 1))  # a few mistakes remain visible
    shown = np.arange(0, len(classes), -(-len(classes) // COUNTED))
    upright = max(map(len, names)) * LETTER > inside / len(classes)
    axes.set_xticks(shown, [names[one] for one in shown], rotation=90 if upright else 0)
    axes.set_yticks(shown, [names[one] for one in shown])
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    for row, column in np.argwhere(table) if len(classes) <= COUNTED else ():
        color = PAPER if fractions[row, column] > 0.4 else INK
        count = f"{table[row, column]:,}"
        axes.text(column, row, count, ha="center", va="center", color=color, fontsize=9)
    axes.set_xlabel("taken for")
    axes.set_ylabel("true class")
    right, count = np.trace(table) / max(table.sum(), 1), f"{table.sum():,}"
    axes.set_title(f"{who}: {right:.1%} of {count} right", loc="left", fontsize=11, parse_math=False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(
        image, shrink=0.7, label="fraction of the true class", format=lambda fraction, _: f"{fraction:.0%}"
    )
    bar.set_ticks([0, 0.05, 0.2, 0.4, 0.6, 0.8, 1])
    return figure
