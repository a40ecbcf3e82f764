"""Made data: images of one to three bars side by side, and the text of each, a letter for a bar."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.bars import bars, several
from gatewise.data.made.files import write_image, write_table


def write(folder: Path) -> list[str]:
    """Writes images and a table of their texts. Returns: the words that train on them."""
    random = np.random.default_rng(0)
    names, texts = [], []
    for number in range(60):
        kinds = several(random)
        names.append(write_image(folder / f"{number:02}.png", bars(kinds, random)).name)
        texts.append("".join(kind[0] for kind in kinds))
    write_table(folder / "targets.csv", {"file": names, "text": texts})
    return [str(folder)]
