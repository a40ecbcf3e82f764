"""Figures of attention weights: a map, or the image with the weights of each target over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gatewise.plots.attention import HIGHLIGHT, draw_weights
from gatewise.report.example import AttentionMap

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INK = "#222222"
CELL = 0.26  # inches of a weight
ACROSS, LETTERS = 5, 16  # images in a row, letters of a label


def draw_attention(attention: AttentionMap) -> Figure:
    """A figure with targets down and sources across, or with one image for each target."""
    return _map(attention) if attention.pixels is None else _images(attention)


def _map(attention: AttentionMap) -> Figure:
    from matplotlib.figure import Figure

    down, across = attention.weights.shape
    targets, sources = ([shorten(name) for name in side] for side in attention.names())
    names = [0.4 + 0.075 * max(map(len, side)) for side in (targets, sources)]
    size = names[0] + CELL * across, 0.4 + names[1] + CELL * down
    figure = Figure(figsize=(max(size[0], 4.5), size[1]), layout="constrained")
    draw_weights(figure.add_subplot(), attention.weights, sources, targets)
    _title(figure, "attention: sources (across) for each target (down)")
    return figure


def _images(attention: AttentionMap) -> Figure:
    from matplotlib.figure import Figure

    assert attention.pixels is not None
    height, width = attention.pixels.shape[:2]
    targets = [shorten(name) for name in attention.names()[0]]
    across = min(ACROSS, len(targets))
    down = -(-len(targets) // across)
    wide = 9.0 / ACROSS if width < 3 * height else 9.0 / across
    high = wide * min(height / width, 1.5) + 0.25
    figure = Figure(figsize=(max(wide * across, 3.5), 0.4 + high * down), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for axes in panels:
        axes.axis("off")
    for axes, name, weights in zip(panels, targets, attention.weights, strict=False):
        axes.imshow(attention.pixels, cmap="gray", vmin=0, vmax=255)
        cover = np.empty((height, width, 4))
        cover[..., :3], cover[..., 3] = (
            HIGHLIGHT,
            0.7 * over_pixels(attention, weights) / max(weights.max(), 1e-9),
        )
        axes.imshow(cover)
        axes.set_title(name, fontsize=9, color=INK, loc="left", pad=2, parse_math=False)
    _title(figure, "attention for each target")
    return figure


def over_pixels(attention: AttentionMap, weights: np.ndarray) -> np.ndarray:
    """The weights of the positions of an image [sources], repeated for its pixels [H, W].

    >>> image = np.zeros((2, 3), np.uint8)
    >>> over_pixels(AttentionMap(np.eye(2), pixels=image, patch=(2, 2)), np.array([0.25, 0.75])).tolist()
    [[0.25, 0.25, 0.75], [0.25, 0.25, 0.75]]
    """
    assert attention.pixels is not None
    (height, width), (down, across) = attention.pixels.shape[:2], attention.patch
    maps = weights.reshape(-1, -(-width // across))
    return maps.repeat(down, axis=0).repeat(across, axis=1)[:height, :width]


def shorten(name: str) -> str:
    """A name, truncated to the room there is."""
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
