"""Images with their true and predicted captions, and the attention for each symbol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from gatewise.plots.attention import HIGHLIGHT
from gatewise.tasks.caption.data import CaptionData
from gatewise.tasks.caption.metrics import CaptionPredictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, CORRECT, WRONG = "#222222", "#2a7f4f", "#c1440e"
ACROSS, LETTERS, WORDS = 3, 42, 8
TITLE = 3  # panels that are as wide as a title
END = "(end)"


@dataclass(frozen=True)
class CaptionedImage:
    """One image with its captions.

    image: [H, W, C] bytes
    true: the reference captions
    predicted: the model's caption
    is_correct: whether the prediction equals one of the references
    tokens: of the prediction
    attention: the weight of each pixel [H, W] for each token, and for the end symbol if it was predicted
    """

    image: np.ndarray
    true: tuple[str, ...]
    predicted: str
    is_correct: bool
    tokens: tuple[str, ...] = ()
    attention: tuple[np.ndarray, ...] = ()


def captioned_images(predictions: CaptionPredictions, data: CaptionData, count: int) -> list[CaptionedImage]:
    """The first `count` images of a split with their captions and attention."""
    return [_captioned(predictions, data, index) for index in range(min(count, len(predictions.values)))]


def draw_captions(examples: Sequence[CaptionedImage], title: str) -> Figure:
    """Draws images in one scale, a reference above each, the prediction below in green or, if wrong, red."""
    from matplotlib.figure import Figure

    size = _largest(examples)
    down, high = -(-len(examples) // ACROSS), 3.4 * size[0] / size[1]
    figure = Figure(figsize=(10.5, 0.5 + (0.7 + high) * down), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    panels = list(figure.subplots(down, ACROSS, squeeze=False).flat)
    for axes in panels:
        axes.axis("off")
    for axes, example in zip(panels, examples, strict=False):
        _show(axes, example.image, size)
        suffix = f" (+{len(example.true) - 1} more)" if len(example.true) > 1 else ""
        _write(axes, example.true[0] + suffix, INK, above=True)
        _write(axes, example.predicted or "(empty)", CORRECT if example.is_correct else WRONG, above=False)
    return figure


def draw_attention(examples: Sequence[CaptionedImage], title: str) -> Figure:
    """Draws a row for each image: a panel with the attention for each symbol of the caption and its end."""
    from matplotlib.figure import Figure

    size = _largest(examples)
    across = min(max(TITLE, *(len(example.attention) for example in examples)), WORDS)
    high = 1.6 * size[0] / size[1]
    figure = Figure(figsize=(0.4 + 1.65 * across, 0.6 + (0.4 + high) * len(examples)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    rows = figure.subplots(len(examples), across, squeeze=False)
    for axes in rows.flat:
        axes.axis("off")
    for row, example in zip(rows, examples, strict=True):
        for axes, token, weights in zip(row, (*example.tokens, END), example.attention, strict=False):
            _show(axes, example.image, size)
            cover = np.empty((*weights.shape, 4))
            cover[..., :3], cover[..., 3] = HIGHLIGHT, 0.7 * weights / weights.max()
            axes.imshow(cover)
            axes.set_title(token, fontsize=9, color=INK, loc="left", pad=2, parse_math=False)
            _limit(axes, size)
    return figure


def _captioned(predictions: CaptionPredictions, data: CaptionData, index: int) -> CaptionedImage:
    predicted, true = predictions.values[index], predictions.references[index]
    image = data.files[predictions.split.numbers[index]]
    attention = predictions.attention_over_pixels(index, *image.shape[:2])
    tokens = tuple(map(data.symbols.display, predicted.tokens))
    return CaptionedImage(image, true, predicted.text, predicted.text in true, tokens, attention)


def _largest(examples: Sequence[CaptionedImage]) -> tuple[int, int]:
    heights, widths = zip(*(example.image.shape[:2] for example in examples), strict=True)
    return max(heights), max(widths)


def _show(axes: Axes, image: np.ndarray, size: tuple[int, int]) -> None:
    """An image in the upper left corner of a panel of `size`."""
    axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
    _limit(axes, size)


def _write(axes: Axes, text: str, colour: str, above: bool) -> None:
    """A text right above or below a panel."""
    axes.annotate(
        fill(text, LETTERS),
        (0, 1 if above else 0),
        (0, 3 if above else -3),
        textcoords="offset points",
        xycoords="axes fraction",
        va="bottom" if above else "top",
        fontsize=9,
        color=colour,
        parse_math=False,
        annotation_clip=False,
    )


def _limit(axes: Axes, size: tuple[int, int]) -> None:
    axes.set(xlim=(-0.5, size[1] - 0.5), ylim=(size[0] - 0.5, -0.5))
