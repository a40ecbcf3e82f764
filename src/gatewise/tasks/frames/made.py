"""Made data: clips of a dot that moves to the left or to the right, a folder of images for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_image

SIDE, STEPS = 12, 6


def write(folder: Path) -> list[str]:
    """Writes folders of clips. Returns: the words that train on them."""
    random = np.random.default_rng(0)
    for number in range(40):
        way = ("left", "right")[number % 2]
        row = random.integers(1, SIDE - 2)
        for step in range(STEPS):
            column = 2 * (step if way == "right" else STEPS - 1 - step)
            frame = np.zeros((SIDE, SIDE), np.uint8)
            frame[row : row + 2, column : column + 2] = 255
            write_image(folder / way / f"{number:02}" / f"{step}.png", frame)
    return [str(folder)]
