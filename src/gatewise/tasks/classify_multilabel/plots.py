"""The average precision and the F1 of each label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gatewise.tasks.classify_multilabel.metrics import (
    LABELS_SHOWN,
    LabelCounts,
    MultilabelPredictions,
    average_precisions,
    lowest,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR, POINT, INK = "#9dc3d8", "#c1440e", "#222222"


def draw_labels(predictions: MultilabelPredictions, name: str, labels: tuple[str, ...]) -> Figure:
    """Draws a bar of the average precision of each label, its F1, and the fraction of sequences that have it.

    That fraction is the average precision of a random order.

    Args:
        predictions: of the test set
        name: of the network
        labels: their names; of many, those with the lowest F1 are drawn
    """
    from matplotlib.figure import Figure

    counts, precisions = LabelCounts.of(predictions), average_precisions(predictions)
    shown = np.array(lowest(counts.f1, LABELS_SHOWN))
    shown = shown[np.argsort(counts.true[shown].numpy(), kind="stable")]
    rows = np.arange(len(shown))
    figure = Figure(figsize=(7.2, 1.3 + 0.32 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(rows, np.nan_to_num(precisions[shown]), color=BAR, label="average precision")
    axes.plot(counts.f1[shown].numpy(), rows, "o", color=POINT, ms=5, label="F1")
    frequencies = counts.true[shown].numpy() / len(predictions.truth)
    axes.plot(frequencies, rows, "|", color=INK, ms=11, mew=1.6, label="fraction of sequences")
    axes.set_yticks(rows, [_short(labels[number]) for number in shown])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set(xlim=(0, 1.02), ylim=(-0.7, len(shown) - 0.3))
    axes.spines[["top", "right"]].set_visible(False)
    few = f" ({len(shown)} of {len(labels)}, with the lowest F1)" if len(shown) < len(labels) else ""
    title = f"{name}: the labels of the test set{few}"
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
    return figure


def _short(name: str) -> str:
    return name if len(name) < 25 else f"{name[:23]}…"
