"""The images or clips that a classifier finds hardest: those whose true class it gives the least chance."""

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
    """An example by its frames, [H, W, C] each (one of an image), what it is, and what it was taken for.

    chance: the probability that was given to what it is
    """

    frames: tuple[np.ndarray, ...]
    true: str
    told: str
    chance: float

    @property
    def label(self) -> str:
        """What it is and was taken for, in a few words."""
        if self.told == self.true:
            return f"{self.true} ({self.chance:.0%})"
        return f"{self.true}, not {self.told} ({self.chance:.0%})"


def highest_loss(
    told: Tensor,
    truth: Tensor,
    classes: Sequence[str],
    show: Callable[[int], Sequence[np.ndarray]],
    most: int,
) -> list[HighLossExample]:
    """The examples to whose true class [N] the least probability was given [N, K], the hardest first.

    show: an example's frames by its number; most: of them
    """
    chances, guesses = told[range(len(truth)), truth].tolist(), told.argmax(1).tolist()
    order = sorted(range(len(truth)), key=chances.__getitem__)[:most]
    return [
        HighLossExample(tuple(show(one)), classes[int(truth[one])], classes[guesses[one]], chances[one])
        for one in order
    ]


def some_frames(clip: np.ndarray) -> list[np.ndarray]:
    """Frames of a clip [T, H, W, C], evenly taken from its beginning to its end."""
    places = np.unique(np.linspace(0, len(clip) - 1, FRAMES).round().astype(int))
    return [clip[place] for place in places]


def draw_highest_loss(examples: Sequence[HighLossExample], who: str) -> Figure:
    """Draws images side by side, or a clip in each row; red where it was taken for something else."""
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
        f"The test {kind} that {who} finds hardest, with the chance that it gives to what they are",
        x=0.01, ha="left", fontsize=11, color=INK, parse_math=False,
    )  # fmt: skip
    panels = figure.subplots(down, across, squeeze=False)
    for panel in panels.flat:
        panel.axis("off")
    for place, one in enumerate(examples):
        row = panels[place] if clips else panels.flat[place : place + 1]
        for panel, frame in zip(row, one.frames, strict=False):
            _show(panel, frame, one.frames)
        colour = RIGHT if one.told == one.true else WRONG
        row[0].set_title(one.label, fontsize=8.5, loc="left", color=colour, pad=2, parse_math=False)
    return figure


def _show(panel: Any, frame: np.ndarray, frames: Sequence[np.ndarray]) -> None:
    """A frame in the range of its example, in colour where it has three channels, else its first one."""
    low = 0 if frame.dtype == np.uint8 else min(float(one.min()) for one in frames)
    high = 255 if frame.dtype == np.uint8 else max(float(one.max()) for one in frames)
    values = (frame.astype(float) - low) / ((high - low) or 1.0)
    panel.imshow(values if frame.shape[-1] == 3 else values[..., 0], cmap="gray", vmin=0, vmax=1)
