"""Made data: a text of simple sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_text

SUBJECTS, VERBS = ("the cat", "a dog", "the bird", "my friend"), ("sees", "likes", "follows")


def write(folder: Path) -> list[str]:
    """Writes a text. Returns: the words that train on it."""
    random = np.random.default_rng(0)
    lines = (
        f"{random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(SUBJECTS)}." for _ in range(400)
    )
    return [str(write_text(folder / "sentences.txt", lines))]
