"""Attention weights as a picture: a map, or the image with the weights of each target over it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.plots.attention import SPOT, show_weights
from gatewise.report.example import AttentionMap

INK, CELL, ACROSS, LETTERS = "#222222", 0.26, 5, 16  # inches of a weight; images in a row; of a name


def attention_picture(looked: AttentionMap) -> Any:
    """A figure with targets down and sources across, or with one image for each target."""
    return _map(looked) if looked.pixels is None else _images(looked)


def _map(looked: AttentionMap) -> Any:
    from matplotlib.figure import Figure

    down, across = looked.weights.shape
    told, read = ([shorten(name) for name in side] for side in looked.names())
    names = [0.4 + 0.075 * max(map(len, side)) for side in (told, read)]
    size = names[0] + CELL * across, 0.4 + names[1] + CELL * down
    figure = Figure(figsize=(max(size[0], 4.5), size[1]), layout="constrained")
    show_weights(figure.add_subplot(), looked.weights, read, told)
    _title(figure, "where it looked (across) for each thing told (down)")
    return figure


def _images(looked: AttentionMap) -> Any:
    from matplotlib.figure import Figure

    assert looked.pixels is not None
    height, width = looked.pixels.shape[:2]
    told = [shorten(name) for name in looked.names()[0]]
    across = min(ACROSS, len(told))
    down = -(-len(told) // across)
    wide = 9.0 / ACROSS if width < 3 * height else 9.0 / across
    high = wide * min(height / width, 1.5) + 0.25
    figure = Figure(figsize=(max(wide * across, 3.5), 0.4 + high * down), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for axes in panels:
        axes.axis("off")
    for axes, name, weights in zip(panels, told, looked.weights, strict=False):
        axes.imshow(looked.pixels, cmap="gray", vmin=0, vmax=255)
        cover = np.empty((height, width, 4))
        cover[..., :3], cover[..., 3] = SPOT, 0.7 * over_pixels(looked, weights) / max(weights.max(), 1e-9)
        axes.imshow(cover)
        axes.set_title(name, fontsize=9, color=INK, loc="left", pad=2, parse_math=False)
    _title(figure, "where it looked for each thing told")
    return figure


def over_pixels(looked: AttentionMap, weights: np.ndarray) -> np.ndarray:
    """The weights of the places of an image [sources], as those of its pixels [H, W].

    >>> image = np.zeros((2, 3), np.uint8)
    >>> over_pixels(AttentionMap(np.eye(2), pixels=image, place=(2, 2)), np.array([0.25, 0.75])).tolist()
    [[0.25, 0.25, 0.75], [0.25, 0.25, 0.75]]
    """
    assert looked.pixels is not None
    (height, width), (down, across) = looked.pixels.shape[:2], looked.place
    maps = weights.reshape(-1, -(-width // across))
    return maps.repeat(down, axis=0).repeat(across, axis=1)[:height, :width]


def shorten(name: str) -> str:
    """As much of a name as there is room for."""
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _title(figure: Any, text: str) -> None:
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
