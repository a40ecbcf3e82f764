"""Sequences of the test set, with the probability of each symbol and the predicted text."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from gatewise.data.labels.text_lines import TextLines
from gatewise.data.labels.transcript_data import TranscriptData
from gatewise.modules.ctc import BLANK
from gatewise.tasks.transcribe.metrics import Transcripts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SEQUENCES, STEPS, CHANNELS = 6, 600, 6
SEEN = 0.25  # the probability from which a symbol is drawn
INK, WRONG, FAINT = "#222222", "#c1440e", "#999999"


def draw_texts(data: TranscriptData, predictions: Transcripts, name: str) -> Figure:
    """Draws some inputs, below them the probability of each symbol at each step, and both texts."""
    from matplotlib.figure import Figure

    split = predictions.split
    texts = [data.tokenizer.join(symbols) for symbols in predictions.values]
    wrong = [number for number, text in enumerate(texts) if text != split.texts[number]]
    right = [number for number, text in enumerate(texts) if text == split.texts[number]]
    half = SEQUENCES // 2
    shown = [*right[: max(half, SEQUENCES - len(wrong))], *wrong[: max(half, SEQUENCES - len(right))]]
    rows = -(-len(shown) // 2)
    figure = Figure(figsize=(11, 1.9 * rows + 0.5), layout="constrained")
    cells = figure.subfigures(rows, 2, squeeze=False).flatten()
    for number, cell in zip(shown, cells, strict=False):
        _draw_one(cell, data, predictions, number, texts[number])
    figure.suptitle(
        f"Above, the input of {name}; below, the probability of each symbol at each step",
        x=0.01,
        ha="left",
        fontsize=11,
        parse_math=False,
    )
    return figure


def _draw_one(
    figure: Figure, data: TranscriptData, predictions: Transcripts, number: int, predicted: str
) -> None:
    split = predictions.split
    batch = split.__getitems__([number])
    probabilities = predictions.symbol_probabilities(batch)
    above, below = figure.subplots(2, 1, height_ratios=[1.5, 1])
    steps = int(batch.lengths[0])
    _draw_input(above, data, int(split.numbers[number]), batch.values[0, :steps].numpy())
    true = split.texts[number]
    is_correct = predicted == true
    title = f"predicted: {predicted or '(empty)'}" + ("" if is_correct else f"    true: {true}")
    above.set_title(title, loc="left", fontsize=10, color=INK if is_correct else WRONG, parse_math=False)
    ratio = steps / len(probabilities)
    middle = (np.arange(len(probabilities)) + 0.5) * ratio
    below.plot(middle, probabilities[:, BLANK], color=FAINT, lw=0.8, ls=":")
    for symbol in np.flatnonzero(probabilities.max(0) >= SEEN).tolist():
        if symbol != BLANK:
            below.plot(middle, probabilities[:, symbol], lw=1.4)
    _name_peaks(below, data, probabilities, middle)
    for axes in (above, below):
        axes.set_xlim(0, steps)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["top", "right", "left"]].set_visible(False)
    below.set_ylim(0, 1.45)


def _draw_input(axes: Axes, data: TranscriptData, number: int, values: np.ndarray) -> None:
    """An image as it is, or the first channels of a sequence."""
    inputs = data.test.inputs
    if isinstance(inputs, TextLines):
        image = inputs.files[number]
        grey = image.shape[-1] == 1
        extent = (0, image.shape[1], image.shape[0], 0)
        axes.imshow(image[..., 0] if grey else image, cmap="gray", aspect="auto", extent=extent)
    else:
        axes.plot(np.arange(len(values)) + 0.5, values[:, :CHANNELS], lw=0.9)


def _name_peaks(axes: Axes, data: TranscriptData, probabilities: np.ndarray, middle: np.ndarray) -> None:
    """Names each symbol that is not improbable, where it is most probable."""
    symbols = np.delete(probabilities, BLANK, axis=1)
    path = np.where(symbols.max(1) >= SEEN, symbols.argmax(1) + 1, BLANK)
    borders = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    for first, last in pairwise(borders):
        symbol = int(path[first])
        if symbol != BLANK:
            peak = first + int(probabilities[first:last, symbol].argmax())
            axes.text(
                middle[peak],
                1.08,
                data.tokenizer.symbols[symbol - 1],
                ha="center",
                va="bottom",
                fontsize=9,
                color=INK,
                parse_math=False,
            )
