"""What each class was taken for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.files import write_whole

INK, PAPER, COUNTED = "#222222", "#ffffff", 30


def draw_confusion(table: np.ndarray, classes: tuple[str, ...], who: str, path: Path) -> None:
    """Draws a confusion matrix: a row for each true class, shaded by its shares, with the counts.

    table: [K, K], how often the class of a row was taken for that of a column
    """
    from matplotlib.figure import Figure

    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    side = min(max(0.45 * len(classes) + 2.2, 4.6), 14)
    figure = Figure(figsize=(side + 0.9, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [name if len(name) < 19 else f"{name[:17]}…" for name in classes]
    many = len(classes) > COUNTED
    shown = np.unique(np.linspace(0, len(classes) - 1, COUNTED).round().astype(int))
    axes.set_xticks(shown, [names[one] for one in shown], rotation=90 if max(map(len, names)) > 3 else 0)
    axes.set_yticks(shown, [names[one] for one in shown])
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    if not many:
        for row, column in np.argwhere(table):
            color = PAPER if shares[row, column] > 0.55 else INK
            count = str(table[row, column])
            axes.text(column, row, count, ha="center", va="center", color=color, fontsize=9)
    axes.set_xlabel("told")
    axes.set_ylabel("true")
    right = np.trace(table) / max(table.sum(), 1)
    axes.set_title(f"{who}: {right:.1%} of {table.sum()} right", loc="left", fontsize=11, parse_math=False)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, shrink=0.7, label="share of the true class")
    write_whole(path, lambda partial: figure.savefig(partial, format="png", dpi=150))
