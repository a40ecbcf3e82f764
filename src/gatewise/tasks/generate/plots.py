"""A passage of a text, coloured by the NLL of each character; NLL by context length and kind of symbol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from gatewise.tasks.comparison import Comparison
from gatewise.tasks.generate.data import TextData
from gatewise.tasks.generate.metrics import KINDS, Passage, TextPredictions, kinds_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, NARROWEST, ROWS = 84, 60, 18  # characters of a line, and lines, of the passage
WARM = 512  # symbols read before the passage
MOST = 6.0  # nats of the darkest colour
INK, NETWORK, BASELINE = "#222222", "#c1440e", "#2a6f97"


def draw_text(comparison: Comparison[TextData, TextPredictions]) -> Figure:
    """Draws a passage of the test set, nats by the length of the context, and nats by kind of symbol."""
    from matplotlib.figure import Figure

    chosen = comparison.chosen(baseline=False) or comparison.chosen(baseline=True)
    assert chosen is not None
    shown_results = [
        chosen,
        *(result for result in [comparison.chosen(baseline=True)] if result and result is not chosen),
    ]
    figure = Figure(figsize=(11, 8.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1.45, 1]).flat  # type: ignore[union-attr]
    colours = dict(zip([result.name for result in shown_results], (NETWORK, BASELINE), strict=False))
    predictions = {result.name: result.predictions for result in shown_results}
    passages = {name: own.passage for name, own in predictions.items()}
    _draw_passage(above, passages[chosen.name], chosen.name)
    left, right = below.subplots(1, 2)
    for name, own in predictions.items():
        _draw_context(left, own, name, colours[name])
    _finish_context(left)
    _draw_kinds(right, passages, colours)
    return figure


def _draw_passage(figure: Figure, passage: Passage, name: str) -> None:
    characters, nats = spelled(passage, min(WARM, len(passage.nats) // 2))
    lines = broken(characters)[:ROWS]
    cells = np.full((len(lines), max(NARROWEST, *map(len, lines))), np.nan)
    axes, remaining = figure.add_subplot(), iter(nats)
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            cells[row, column] = cost = next(remaining)
            glyph, ink = ("↵", "#999999") if character == "\n" else (character, INK)
            colour = "white" if cost > 0.55 * MOST else ink
            axes.text(
                column,
                row,
                glyph,
                ha="center",
                va="center",
                family="monospace",
                fontsize=9.5,
                color=colour,
                parse_math=False,
            )
    borders = (np.arange(size + 1) - 0.5 for size in reversed(cells.shape))
    image = axes.pcolormesh(*borders, cells, cmap="OrRd", vmin=0, vmax=MOST)
    axes.invert_yaxis()
    axes.set_axis_off()
    axes.set_title(
        f"The test set, coloured by the NLL of each character under {name}",
        loc="left",
        fontsize=11,
        parse_math=False,
    )
    figure.colorbar(image, ax=axes, label="nats", shrink=0.7, pad=0.01)


def broken(characters: str) -> list[str]:
    """Lines of at most `WIDTH` characters; line breaks after each other stay with the line before.

    >>> broken("one\\n\\ntwo\\n")
    ['one\\n\\n', 'two\\n']
    """
    lines = re.findall(r"[^\n]*\n+|[^\n]+", characters)
    return [line[first : first + WIDTH] for line in lines for first in range(0, len(line), WIDTH)]


def spelled(passage: Passage, first: int) -> tuple[str, list[float]]:
    """The characters of a passage from the line break after place `first` on, and the nats of each.

    The nats of a symbol are spread over its bytes; those of a character are the sum of its bytes'.
    """
    data, costs = bytearray(), []
    for symbol, nats in zip(
        passage.symbols[first + 1 :].tolist(), passage.nats[first:].tolist(), strict=True
    ):
        encoded = passage.tokenizer.to_bytes(symbol)
        data += encoded
        costs += [nats / max(len(encoded), 1)] * len(encoded)
    begin = data.find(b"\n", 0, 300) + 1
    text = data[begin:].decode(errors="replace")
    if len(text.encode()) != len(data) - begin:  # not in UTF-8
        return data[begin:].decode("latin-1"), costs[begin:]
    ends = np.cumsum([len(character.encode()) for character in text])
    sums = np.concatenate([[0.0], np.cumsum(costs[begin:])])
    return text, np.diff(sums[np.concatenate([[0], ends])]).tolist()


def _draw_context(axes: Axes, predictions: TextPredictions, name: str, colour: str) -> None:
    lengths, nats = predictions.nats_by_context()
    axes.plot(lengths, nats, color=colour, marker="o", ms=4, lw=1.6, label=name)


def _finish_context(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("symbols of context, from the initial state")
    axes.set_ylabel("nats/symbol")
    axes.set_title("NLL by length of context", loc="left", fontsize=11)
    _plain(axes)


def _draw_kinds(axes: Axes, passages: dict[str, Passage], colours: dict[str, str]) -> None:
    height = 0.8 / len(passages)
    for number, (name, passage) in enumerate(passages.items()):
        kinds = np.array(kinds_of(passage)[1:])
        means = [passage.nats[kinds == kind].mean() if (kinds == kind).any() else 0.0 for kind in KINDS]
        positions = np.arange(len(KINDS)) + number * height
        axes.barh(positions, means, height * 0.92, color=colours[name], label=name)
    axes.set_yticks(np.arange(len(KINDS)) + height * (len(passages) - 1) / 2, KINDS)
    axes.invert_yaxis()
    axes.set_xlabel("nats/symbol")
    axes.set_title("NLL by kind of symbol", loc="left", fontsize=11)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
