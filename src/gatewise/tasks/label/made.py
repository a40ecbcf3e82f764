"""Made data: sentences in which each name is marked, one token with its label a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_text

BEFORE = {"PER": ("she", "he"), "ORG": ("company", "market")}
OTHERS = ("the", "red", "on", "then", "with", "small", "now", "very")
SYLLABLES = ("ba", "de", "ki", "lo", "mu", "na", "pe", "ri")


def write(folder: Path) -> list[str]:
    """Writes tagged sentences. Returns: the words that train on them."""
    random = np.random.default_rng(0)
    lines = []
    for number in range(90):
        kind = ("PER", "ORG")[number % 2]
        name = "".join(random.choice(SYLLABLES, 2)).capitalize()
        tagged = [(word, "O") for word in (*random.choice(OTHERS, 2), random.choice(BEFORE[kind]))]
        tagged += [(name, f"B-{kind}"), *((word, "O") for word in random.choice(OTHERS, 2))]
        lines += [*(f"{word} {label}" for word, label in tagged), ""]
    return [str(write_text(folder / "names.conll", lines))]
