"""Where a decoder looked: a source across, what was told down, and the weights between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

INK = "#222222"
SPOT = (0.95, 0.45, 0.1)  # marks the places of an image that a model attended to


def show_weights(panel: Any, weights: np.ndarray, read: Sequence[str], said: Sequence[str]) -> None:
    """Weights [said, read] with the names of both sides; darker where there is more, black is one."""
    panel.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="equal")
    panel.set_xticks(range(len(read)))
    panel.set_yticks(range(len(said)))
    panel.set_xticklabels(read, rotation=90, fontsize=9, parse_math=False, color=INK)
    panel.set_yticklabels(said, fontsize=9, parse_math=False, color=INK)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.spines[:].set_color("#bbbbbb")
