"""The confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INK, PAPER = "#222222", "#ffffff"
MAX_LABELLED = 30  # classes; with more, cells have no counts and some rows no names
CELL_INCHES, CHARACTER_INCHES = 0.45, 0.09


def draw_confusion(table: np.ndarray, classes: tuple[str, ...], model: str) -> Figure:
    """Draws a confusion matrix, each row shaded by the fractions of its class, with the counts.

    Args:
        table: [K, K], counts with true classes in rows, predicted classes in columns
        classes: the names of the K classes
        model: the name of the model, for the title
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    fractions = table / np.maximum(table.sum(1, keepdims=True), 1)
    side = min(max(CELL_INCHES * len(classes), 2.4), 12)
    names = [name if len(name) < 19 else f"{name[:17]}…" for name in classes]
    figure = Figure(figsize=(side + 3.1, side + 2.2), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(fractions, cmap="Blues", norm=PowerNorm(0.6, 0, 1))  # a few mistakes remain visible
    labelled = np.arange(0, len(classes), -(-len(classes) // MAX_LABELLED))
    upright = max(map(len, names)) * CHARACTER_INCHES > side / len(classes)
    axes.set_xticks(labelled, [names[number] for number in labelled], rotation=90 if upright else 0)
    axes.set_yticks(labelled, [names[number] for number in labelled])
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    for row, column in np.argwhere(table) if len(classes) <= MAX_LABELLED else ():
        color = PAPER if fractions[row, column] > 0.4 else INK
        count = f"{table[row, column]:,}"
        axes.text(column, row, count, ha="center", va="center", color=color, fontsize=9)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    accuracy, count = np.trace(table) / max(table.sum(), 1), f"{table.sum():,}"
    axes.set_title(f"{model}: {accuracy:.1%} of {count} correct", loc="left", fontsize=11, parse_math=False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(
        image, shrink=0.7, label="fraction of the true class", format=lambda fraction, _: f"{fraction:.0%}"
    )
    bar.set_ticks([0, 0.05, 0.2, 0.4, 0.6, 0.8, 1])
    return figure
