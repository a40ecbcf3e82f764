"""Recall by the number of items and the lag, for several cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gatewise.insight.memory import CHANCE, LONGEST_TRAINED_LAG, Recall

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

INK, PAPER = "#222222", "#ffffff"
PANELS_PER_ROW = 4
COLUMN_INCHES, ROW_INCHES = 0.62, 0.5


def draw_memory(results: Sequence[Recall], units: int) -> Figure:
    """Draws a heat map for each cell: the percentage of items recalled, by lag and number of items.

    Args:
        results: of `gatewise.insight.memory.remember`, one for each cell, number of items and lag
        units: the size of the layers, for the title
    """
    from matplotlib.figure import Figure

    cells = list(dict.fromkeys(one.cell for one in results))
    items, lags = sorted({one.items for one in results}), sorted({one.lag for one in results})
    columns = min(len(cells), PANELS_PER_ROW)
    rows = -(-len(cells) // columns)
    width, height = max(COLUMN_INCHES * len(lags), 2.0) + 0.3, max(ROW_INCHES * len(items), 1.5) + 0.5
    figure = Figure(figsize=(max(width * columns + 1.6, 6.0), height * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, cell in zip(panels.flat, cells, strict=False):
        found = {(one.items, one.lag): one.accuracy for one in results if one.cell is cell}
        image = _heat_map(axes, found, items, lags)
        axes.set_title(cell.__name__, loc="left", fontsize=11, parse_math=False)
    for axes in panels.flat[len(cells) :]:
        axes.set_visible(False)
    figure.suptitle(
        f"items recalled by a layer of {units} units, each item one of {round(1 / CHANCE)} symbols"
    )
    figure.supxlabel(
        f"lag: distractors between the last item and the recall (in training, 1 to {LONGEST_TRAINED_LAG})",
        fontsize=10,
    )
    figure.supylabel("number of items to recall", fontsize=10)
    bar = figure.colorbar(image, ax=panels, shrink=0.9, label="fraction of items recalled", pad=0.02)
    bar.set_ticks(
        [CHANCE, 0.25, 0.5, 0.75, 1], labels=[f"{CHANCE:.1%} (chance)", "25%", "50%", "75%", "100%"]
    )
    return figure


def _heat_map(
    axes: Axes, found: Mapping[tuple[int, int], float], items: list[int], lags: list[int]
) -> AxesImage:
    """Draws one panel, with the percentages, and returns its image."""
    accuracies = [[found[number, lag] for lag in lags] for number in items]
    image = axes.imshow(accuracies, cmap="Blues", vmin=CHANCE, vmax=1, aspect="auto", origin="lower")
    for row, values in enumerate(accuracies):
        for column, value in enumerate(values):
            colour = PAPER if value > 0.6 else INK
            axes.text(column, row, f"{value:.0%}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(lags)), list(map(str, lags)))
    axes.set_yticks(range(len(items)), list(map(str, items)))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image
