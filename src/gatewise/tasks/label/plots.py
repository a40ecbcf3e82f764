"""Sequences of the test set, with the predicted and true label of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gatewise.data.labels.channel_steps import ChannelSteps
from gatewise.data.labels.labelled import LabelledSteps
from gatewise.data.labels.token_steps import TokenSteps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SEQUENCES, LINES = 4, 14  # sequences of a table, lines of a text
WIDTH, MIN_WIDTH = 100, 60  # of a line, in characters
STEPS, CHANNELS = 400, 6  # the maximum of a sequence
INK, WRONG, FAINT = "#222222", "#c1440e", "#999999"
OUTSIDE = "O"


def draw_steps(data: LabelledSteps, predicted: list[np.ndarray], name: str) -> Figure:
    """Draws sequences with their predicted labels, and the true ones if they differ.

    Args:
        data: the data
        predicted: label numbers [T] of each sequence of the test set
        name: the name of the network
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), layout="constrained")
    if isinstance(data.test, ChannelSteps):
        _draw_channels(figure, data, predicted, name)
    else:
        _draw_tokens(figure, data, predicted, name)
    return figure


def colours(count: int) -> np.ndarray:
    """[count, 4]: a light colour for each label."""
    import matplotlib

    palette = matplotlib.colormaps["tab20" if count > 10 else "tab10"]
    light = palette(np.arange(count) % palette.N)
    light[:, :3] = 0.45 * light[:, :3] + 0.55
    return light


def choose_sequences(truth: list[np.ndarray], predicted: list[np.ndarray], count: int) -> list[int]:
    """Selects sequences to draw: half with about the median error rate of wrong ones, half without errors."""
    error_rates = np.array(
        [
            (true != prediction).mean() if len(true) else 0.0
            for true, prediction in zip(truth, predicted, strict=True)
        ]
    )
    bad, good = np.flatnonzero(error_rates > 0), np.flatnonzero(error_rates == 0)
    bad = bad[np.argsort(error_rates[bad], kind="stable")]
    half = min(len(bad), max(count - len(good), count // 2))
    first = max(len(bad) // 2 - half // 2, 0)
    return sorted(bad[first : first + half].tolist() + good[: count - half].tolist())


def _draw_tokens(figure: Figure, data: LabelledSteps, predicted: list[np.ndarray], name: str) -> None:
    split = data.test
    assert isinstance(split, TokenSteps)
    truth = data.truth(split)
    shades = _shades(data)
    axes = figure.add_subplot()
    row, widest = 0, MIN_WIDTH
    for number in choose_sequences(truth, predicted, SEQUENCES + 4):
        column = 0
        for token, true, prediction in zip(
            split.tokens[split.slice_of(number)], truth[number], predicted[number], strict=True
        ):
            label, true_label = data.labels[prediction], data.labels[true]
            wide = max(len(token), len(label) * 0.7, len(true_label) * 0.7 * (true != prediction)) + 1.2
            if column and column + wide > WIDTH:
                row, column = row + 1, 0
            if row >= LINES:
                break
            _token(axes, column, row, wide, token, label, true_label, shades[prediction])
            column += wide
            widest = max(widest, column)
        row += 1
        if row >= LINES:
            break
    axes.set_xlim(0, widest)
    axes.set_ylim(max(row, 3) + 0.1, -0.6)
    axes.set_axis_off()
    axes.set_title(
        f"Sentences of the test set as {name} labels them; a frame marks a wrong label, above the true one",
        loc="left",
        fontsize=11,
        parse_math=False,
    )


def _shades(data: LabelledSteps) -> list[np.ndarray]:
    """A colour for each label: by the kind of its span, white outside of spans."""
    kinds = [label[2:] if data.has_span_tags and label != OUTSIDE else label for label in data.labels]
    names = sorted({kind for kind in kinds if kind != OUTSIDE})
    palette = colours(max(len(names), 1))
    white = np.array([1.0, 1.0, 1.0, 1.0])
    return [white if kind == OUTSIDE else palette[names.index(kind)] for kind in kinds]


def _token(
    axes: Axes, column: float, row: int, wide: float, token: str, label: str, true: str, shade: np.ndarray
) -> None:
    from matplotlib.patches import Rectangle

    is_wrong = label != true
    axes.add_patch(
        Rectangle(
            (column + 0.1, row - 0.42),
            wide - 0.2,
            0.78,
            facecolor=shade,
            lw=1.6 if is_wrong else 0,
            edgecolor=WRONG if is_wrong else "none",
        )
    )
    middle = column + wide / 2
    axes.text(middle, row - 0.17, token, ha="center", va="center", fontsize=9.5, color=INK, parse_math=False)
    if label != OUTSIDE or is_wrong:
        axes.text(
            middle, row + 0.18, label, ha="center", va="center", fontsize=6.5, color=INK, parse_math=False
        )
    if is_wrong:
        axes.text(
            middle, row + 0.44, true, ha="center", va="center", fontsize=6.5, color=WRONG, parse_math=False
        )


def _draw_channels(figure: Figure, data: LabelledSteps, predicted: list[np.ndarray], name: str) -> None:
    from matplotlib.patches import Patch

    split = data.test
    assert isinstance(split, ChannelSteps)
    truth = data.truth(split)
    palette = colours(len(data.labels))
    shown = choose_sequences(truth, predicted, SEQUENCES)
    rows = figure.subplots(2 * len(shown), 1, height_ratios=[2.6, 1] * len(shown), squeeze=False)[:, 0]
    for number, (above, below) in zip(shown, rows.reshape(-1, 2), strict=True):
        steps = split.slice_of(number)
        values = split.filled(steps)[:STEPS, :CHANNELS]
        above.plot(values, lw=0.9)
        above.set_xlim(-0.5, len(values) - 0.5)
        above.set_xticks([])
        above.set_title(f"from {split.place(steps.start)} on", loc="left", fontsize=9, parse_math=False)
        bars = np.stack([predicted[number][:STEPS], truth[number][:STEPS]])
        below.imshow(palette[bars], aspect="auto", interpolation="none")
        below.axhline(0.5, color="white", lw=1.5)
        below.set_yticks([0, 1], ["predicted", "true"])
        below.tick_params(length=0)
        for axes in (above, below):
            axes.spines[["top", "right"]].set_visible(False)
    labels = sorted({int(label) for number in shown for label in (*predicted[number], *truth[number])})
    patches = [Patch(color=palette[label], label=data.labels[label]) for label in labels[:20]]
    legend = figure.legend(handles=patches, loc="outside right upper", frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle(
        f"Sequences of the test set as {name} labels them", x=0.01, ha="left", fontsize=11, parse_math=False
    )
