"""Made data: a folder of images for each class, bars across and bars down."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.bars import KINDS, bar
from gatewise.data.made.files import write_image


def write(folder: Path) -> list[str]:
    """Writes folders of images. Returns: the words that train on them."""
    random = np.random.default_rng(0)
    for kind in KINDS:
        for number in range(30):
            write_image(folder / kind / f"{number:02}.png", bar(kind, random))
    return [str(folder)]
