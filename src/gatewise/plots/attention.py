"""Attention maps: sources in columns, targets in rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

INK = "#222222"
SPOT = (0.95, 0.45, 0.1)  # marks the places of an image that a model attended to


def show_weights(panel: Any, weights: np.ndarray, columns: Sequence[str], rows: Sequence[str]) -> None:
    """Draws weights [rows, columns] with the names of both sides; black is one."""
    panel.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="equal")
    panel.set_xticks(range(len(columns)))
    panel.set_yticks(range(len(rows)))
    panel.set_xticklabels(columns, rotation=90, fontsize=9, parse_math=False, color=INK)
    panel.set_yticklabels(rows, fontsize=9, parse_math=False, color=INK)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.spines[:].set_color("#bbbbbb")
