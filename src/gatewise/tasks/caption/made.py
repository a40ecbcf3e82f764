"""Made data: images of one to three bars side by side, and a caption of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.bars import bars, several
from gatewise.data.made.files import write_image, write_table


def write(folder: Path) -> list[str]:
    """Writes images and a table of their captions. Returns: the words that train on them."""
    random = np.random.default_rng(0)
    names, captions = [], []
    for number in range(60):
        kinds = several(random)
        names.append(write_image(folder / f"{number:02}.png", bars(kinds, random)).name)
        captions.append(" and ".join(kinds))
    write_table(folder / "captions.csv", {"file": names, "caption": captions})
    return [str(folder)]
