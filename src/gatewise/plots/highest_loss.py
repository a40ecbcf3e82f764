"""The images or clips on which a classifier has the highest loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


INK, CORRECT, WRONG = "#222222", "#2a7f4f", "#c1440e"
MAX_IMAGES, MAX_CLIPS, MAX_FRAMES, IMAGES_PER_ROW = 18, 6, 8, 6


@dataclass(frozen=True)
class HighLossExample:
    """An example with its classes.

    frames: [H, W, C] each; one for an image
    true, predicted: the names of the classes
    probability: the predicted probability of the true class
    """

    frames: tuple[np.ndarray, ...]
    true: str
    predicted: str
    probability: float

    @property
    def label(self) -> str:
        """The true class with its probability, and the predicted class if it differs."""
        if self.predicted == self.true:
            return f"{self.true} ({self.probability:.0%})"
        return f"{self.true}, not {self.predicted} ({self.probability:.0%})"


def highest_loss(
    probabilities: Tensor,
    truth: Tensor,
    classes: Sequence[str],
    frames: Callable[[int], Sequence[np.ndarray]],
    count: int,
) -> list[HighLossExample]:
    """The examples with the lowest probability of the true class, the lowest first.

    Args:
        probabilities: [N, K]
        truth: [N], class numbers
        classes: the names of the classes
        frames: maps the number of an example to its frames
        count: the maximum number of examples
    """
    likelihoods = probabilities[range(len(truth)), truth].tolist()
    predicted = probabilities.argmax(1).tolist()
    order = sorted(range(len(truth)), key=likelihoods.__getitem__)[:count]
    return [
        HighLossExample(
            frames=tuple(frames(number)),
            true=classes[int(truth[number])],
            predicted=classes[predicted[number]],
            probability=likelihoods[number],
        )
        for number in order
    ]


def evenly_spaced_frames(clip: np.ndarray) -> list[np.ndarray]:
    """Selects frames of a clip [T, H, W, C], evenly spaced from the first to the last."""
    steps = np.unique(np.linspace(0, len(clip) - 1, MAX_FRAMES).round().astype(int))
    return [clip[step] for step in steps]


def draw_highest_loss(examples: Sequence[HighLossExample], model: str) -> Figure:
    """Draws images side by side, or a clip in each row; a wrong prediction has a red title."""
    from matplotlib.figure import Figure

    clips = max(len(example.frames) for example in examples) > 1
    columns = MAX_FRAMES if clips else min(IMAGES_PER_ROW, len(examples))
    rows = len(examples) if clips else -(-len(examples) // columns)
    height, width = np.max([example.frames[0].shape[:2] for example in examples], axis=0)
    panel_width = 1.2 if clips else 1.5
    panel_height = panel_width * float(height / width)
    size = 0.3 + (panel_width + 0.05) * columns, 0.5 + (0.3 + panel_height) * rows
    figure = Figure(figsize=size, layout="constrained")
    kind = "clips" if clips else "images"
    figure.suptitle(
        f"The test {kind} on which {model} has the highest loss, with the probability of the true class",
        x=0.01,
        ha="left",
        fontsize=11,
        color=INK,
        parse_math=False,
    )
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.axis("off")
    for number, example in enumerate(examples):
        row = panels[number] if clips else panels.flat[number : number + 1]
        for panel, frame in zip(row, example.frames, strict=False):
            _draw_frame(panel, frame, example.frames)
        colour = CORRECT if example.predicted == example.true else WRONG
        row[0].set_title(example.label, fontsize=8.5, loc="left", color=colour, pad=2, parse_math=False)
    return figure


def _draw_frame(panel: Axes, frame: np.ndarray, frames: Sequence[np.ndarray]) -> None:
    """Draws a frame, scaled by the range of all frames; three channels in colour, else only the first."""
    low = 0 if frame.dtype == np.uint8 else min(float(other.min()) for other in frames)
    high = 255 if frame.dtype == np.uint8 else max(float(other.max()) for other in frames)
    values = (frame.astype(float) - low) / ((high - low) or 1.0)
    panel.imshow(values if frame.shape[-1] == 3 else values[..., 0], cmap="gray", vmin=0, vmax=1)
