"""Sequences of vectors, true ones above drawn ones: rolls of notes, strokes of a pen, or curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


COLUMNS = 3  # sequences of a kind that are shown
CURVES = 6  # channels shown of sequences that are neither rolls nor strokes
STEPS = 400  # shown of a sequence
INK, NETWORK = "#222222", "#c1440e"
COLOURS = ("#c1440e", "#2a6f97", "#5a8f29", "#7a4fa3", "#b08900", "#444444")


@dataclass(frozen=True)
class VectorLayout:
    """How sequences are drawn.

    channels: the names of the channels
    binary: the numbers of the binary channels
    pen: the names of the two positions of a pen; empty for other sequences
    """

    channels: tuple[str, ...]
    binary: tuple[int, ...]
    pen: tuple[str, ...] = ()


def draw_vectors(kinds: Mapping[str, Sequence[np.ndarray]], layout: VectorLayout) -> Figure:
    """Draws a row of sequences [T, C] for each kind: true ones above drawn ones, or drawn ones alone."""
    from matplotlib.figure import Figure

    rows = {name: [sequence[:STEPS] for sequence in sequences[:COLUMNS]] for name, sequences in kinds.items()}
    columns = max(map(len, rows.values()))
    figure = Figure(figsize=(3.7 * columns + 0.6, 2.6 * len(rows) + 0.4), layout="constrained")
    panels = figure.subplots(len(rows), columns, squeeze=False, sharex=not layout.pen, sharey=not layout.pen)
    all_sequences = [sequence for sequences in rows.values() for sequence in sequences]
    for row, (name, sequences) in enumerate(rows.items()):
        colour = INK if row == 0 and len(rows) > 1 else NETWORK
        for axes in panels[row, len(sequences) :]:
            axes.set_axis_off()
        for axes, values in zip(panels[row], sequences, strict=False):
            axes.spines[["top", "right"]].set_visible(False)
            if layout.pen:
                _draw_pen(axes, values, layout, colour)
            elif len(layout.binary) == len(layout.channels):
                _draw_roll(axes, values, layout, all_sequences, colour)
            else:
                _draw_curves(axes, values, layout, with_legend=axes is panels[0, 0])
        panels[row, 0].set_title(name, loc="left", fontsize=11, parse_math=False)
    if not layout.pen:
        figure.supxlabel("step", fontsize=10)
    return figure


def _draw_roll(
    axes: Axes, values: np.ndarray, layout: VectorLayout, sequences: list[np.ndarray], colour: str
) -> None:
    """A row for each channel that is ever 1 in what is shown, the first one lowest."""
    from matplotlib.colors import ListedColormap

    active = np.flatnonzero(np.any([sequence.any(0) for sequence in sequences], axis=0))
    low, high = (int(active[0]), int(active[-1])) if len(active) else (0, len(layout.channels) - 1)
    extent = (0.5, len(values) + 0.5, low - 0.5, high + 0.5)
    axes.imshow(
        values[:, low : high + 1].T,
        cmap=ListedColormap(["white", colour]),
        vmin=0,
        vmax=1,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=extent,
    )
    ticks = np.unique(np.linspace(low, high, min(high - low + 1, 6)).round().astype(int))
    axes.set_yticks(ticks, [layout.channels[tick] for tick in ticks], fontsize=8, parse_math=False)


def _draw_pen(axes: Axes, values: np.ndarray, layout: VectorLayout, colour: str) -> None:
    """The path of a pen; where a 0/1 channel is 1 the pen is lifted, and a new stroke begins."""
    across, up = (layout.channels.index(name) for name in layout.pen)
    lifted = values[:, layout.binary[0]] == 1 if layout.binary else np.zeros(len(values), bool)
    for stroke in np.split(values, np.flatnonzero(lifted[:-1]) + 1):
        dot = "." if len(stroke) == 1 else ""
        axes.plot(stroke[:, across], stroke[:, up], color=colour, lw=1.4, marker=dot, ms=2)
    axes.set_aspect("equal", adjustable="datalim")
    axes.tick_params(labelsize=8)


def _draw_curves(axes: Axes, values: np.ndarray, layout: VectorLayout, with_legend: bool) -> None:
    for channel, colour in zip(range(len(layout.channels)), COLOURS[:CURVES], strict=False):
        axes.plot(np.arange(1, len(values) + 1), values[:, channel], color=colour, lw=1.1)
    axes.tick_params(labelsize=8)
    if with_legend:
        names = [name if len(name) < 16 else f"{name[:14]}..." for name in layout.channels[:CURVES]]
        legend = axes.legend(axes.lines, names, frameon=False, fontsize=8, ncols=3, loc="upper left")
        for text in legend.get_texts():
            text.set_parse_math(False)
