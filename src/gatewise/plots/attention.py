"""Attention maps: sources in columns, targets in rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

import numpy as np

INK = "#222222"
HIGHLIGHT = (0.95, 0.45, 0.1)  # the regions of an image that a model attends to


def draw_weights(axes: Axes, weights: np.ndarray, columns: Sequence[str], rows: Sequence[str]) -> None:
    """Draws weights [rows, columns] with the names of rows and columns; black is one."""
    axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="equal")
    axes.set_xticks(range(len(columns)))
    axes.set_yticks(range(len(rows)))
    axes.set_xticklabels(columns, rotation=90, fontsize=9, parse_math=False, color=INK)
    axes.set_yticklabels(rows, fontsize=9, parse_math=False, color=INK)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_color("#bbbbbb")
