"""Images with what is truly said of them and what a model says, and where it looked for each word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.plots.attention import SPOT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, RIGHT, WRONG = "#222222", "#2a7f4f", "#c1440e"
ACROSS, LETTERS, WORDS = 3, 42, 8
TITLE = 3  # panels that are as wide as a title
END = "(end)"


@dataclass(frozen=True)
class Told:
    """One image, [H, W, C] bytes, with its captions.

    true, told: by people and by the model; right: whether the model's is one of the true ones
    pieces, looked: what was told, symbol by symbol, and how much of each pixel [H, W] was looked at for it,
        and for the end after them where it was told
    """

    image: np.ndarray
    true: tuple[str, ...]
    told: str
    right: bool
    pieces: tuple[str, ...] = ()
    looked: tuple[np.ndarray, ...] = ()


def draw_captions(examples: Sequence[Told], title: str) -> Figure:
    """Draws images in one scale, a true caption above each, below the model's: green if right, else red."""
    from matplotlib.figure import Figure

    size = _largest(examples)
    down, high = -(-len(examples) // ACROSS), 3.4 * size[0] / size[1]
    figure = Figure(figsize=(10.5, 0.5 + (0.7 + high) * down), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    places = list(figure.subplots(down, ACROSS, squeeze=False).flat)
    for axes in places:
        axes.axis("off")
    for axes, one in zip(places, examples, strict=False):
        _show(axes, one.image, size)
        more = f" (+{len(one.true) - 1} more)" if len(one.true) > 1 else ""
        _write(axes, one.true[0] + more, INK, above=True)
        _write(axes, one.told or "(nothing)", RIGHT if one.right else WRONG, above=False)
    return figure


def draw_looks(examples: Sequence[Told], title: str) -> Figure:
    """Draws a row for each image: a panel for each symbol told, and its end, with where the model looked."""
    from matplotlib.figure import Figure

    size = _largest(examples)
    across = min(max(TITLE, *(len(one.looked) for one in examples)), WORDS)
    high = 1.6 * size[0] / size[1]
    figure = Figure(figsize=(0.4 + 1.65 * across, 0.6 + (0.4 + high) * len(examples)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    rows = figure.subplots(len(examples), across, squeeze=False)
    for axes in rows.flat:
        axes.axis("off")
    for row, one in zip(rows, examples, strict=True):
        for axes, piece, weights in zip(row, (*one.pieces, END), one.looked, strict=False):
            _show(axes, one.image, size)
            cover = np.empty((*weights.shape, 4))
            cover[..., :3], cover[..., 3] = SPOT, 0.7 * weights / weights.max()
            axes.imshow(cover)
            axes.set_title(piece, fontsize=9, color=INK, loc="left", pad=2, parse_math=False)
            _limit(axes, size)
    return figure


def _largest(examples: Sequence[Told]) -> tuple[int, int]:
    heights, widths = zip(*(one.image.shape[:2] for one in examples), strict=True)
    return max(heights), max(widths)


def _show(axes: Any, image: np.ndarray, size: tuple[int, int]) -> None:
    """An image in the upper left corner of a panel of `size`."""
    axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
    _limit(axes, size)


def _write(axes: Any, text: str, colour: str, above: bool) -> None:
    """A text right above or below a panel."""
    axes.annotate(
        fill(text, LETTERS), (0, 1 if above else 0), (0, 3 if above else -3), textcoords="offset points",
        xycoords="axes fraction", va="bottom" if above else "top", fontsize=9, color=colour,
        parse_math=False, annotation_clip=False,
    )  # fmt: skip


def _limit(axes: Any, size: tuple[int, int]) -> None:
    axes.set(xlim=(-0.5, size[1] - 0.5), ylim=(size[0] - 0.5, -0.5))
