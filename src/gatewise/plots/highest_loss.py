"""The images or clips on which a classifier has the highest loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INK, RIGHT, WRONG = "#222222", "#2a7f4f", "#c1440e"
IMAGES, CLIPS, FRAMES, ACROSS = 18, 6, 8, 6


@dataclass(frozen=True)
class HighLossExample:
    """An example by its frames, [H, W, C] each (one of an image), its true and its predicted class.

    probability: of the true class
    """

    frames: tuple[np.ndarray, ...]
    true: str
    predicted: str
    probability: float

    @property
    def label(self) -> str:
        """The true class with its probability, and the predicted class where it is another."""
        if self.predicted == self.true:
            return f"{self.true} ({self.probability:.0%})"
        return f"{self.true}, not {self.predicted} ({self.probability:.0%})"


def highest_loss(
    probabilities: Tensor,
    truth: Tensor,
    classes: Sequence[str],
    show: Callable[[int], Sequence[np.ndarray]],
    most: int,
) -> list[HighLossExample]:
    """The examples with the lowest probability of the true class, the lowest first.

    probabilities: [N, K]; truth: [N] class numbers; show: example number -> its frames; most: how many
    """
    likelihoods = probabilities[range(len(truth)), truth].tolist()
    predicted = probabilities.argmax(1).tolist()
    order = sorted(range(len(truth)), key=likelihoods.__getitem__)[:most]
    return [
        HighLossExample(tuple(show(one)), classes[int(truth[one])], classes[predicted[one]], likelihoods[one])
        for one in order
    ]


def some_frames(clip: np.ndarray) -> list[np.ndarray]:
    """Evenly spaced frames of a clip [T, H, W, C], from the first to the last."""
    places = np.unique(np.linspace(0, len(clip) - 1, FRAMES).round().astype(int))
    return [clip[place] for place in places]


def draw_highest_loss(examples: Sequence[HighLossExample], who: str) -> Figure:
    """Draws images side by side, or a clip in each row; a wrong prediction has a red title."""
    from matplotlib.figure import Figure

    clips = max(len(one.frames) for one in examples) > 1
    across = FRAMES if clips else min(ACROSS, len(examples))
    down = len(examples) if clips else -(-len(examples) // across)
    height, width = np.max([one.frames[0].shape[:2] for one in examples], axis=0)
    wide = 1.2 if clips else 1.5
    high = wide * float(height / width)
    figure = Figure(figsize=(0.3 + (wide + 0.05) * across, 0.5 + (0.3 + high) * down), layout="constrained")
    kind = "clips" if clips else "images"
    figure.suptitle(
        f"The test {kind} on which {who} has the highest loss, with the probability of the true class",
        x=0.01, ha="left", fontsize=11, color=INK, parse_math=False,
    )  # fmt: skip
    panels = figure.subplots(down, across, squeeze=False)
    for panel in panels.flat:
        panel.axis("off")
    for place, one in enumerate(examples):
        row = panels[place] if clips else panels.flat[place : place + 1]
        for panel, frame in zip(row, one.frames, strict=False):
            _show(panel, frame, one.frames)
        colour = RIGHT if one.predicted == one.true else WRONG
        row[0].set_title(one.label, fontsize=8.5, loc="left", color=colour, pad=2, parse_math=False)
    return figure


def _show(panel: Any, frame: np.ndarray, frames: Sequence[np.ndarray]) -> None:
    """A frame in the range of its example, in colour where it has three channels, else its first one."""
    low = 0 if frame.dtype == np.uint8 else min(float(one.min()) for one in frames)
    high = 255 if frame.dtype == np.uint8 else max(float(one.max()) for one in frames)
    values = (frame.astype(float) - low) / ((high - low) or 1.0)
    panel.imshow(values if frame.shape[-1] == 3 else values[..., 0], cmap="gray", vmin=0, vmax=1)
