"""Images of bright bars, across or down."""

from __future__ import annotations

import numpy as np

KINDS = ("across", "down")


def bar(kind: str, random: np.random.Generator, side: int = 8) -> np.ndarray:
    """[side, side] bytes: a bright bar at some place, over noise."""
    image = random.integers(0, 60, (side, side)).astype(np.uint8)
    place = random.integers(1, side - 1)
    image[(place, slice(None)) if kind == "across" else (slice(None), place)] = 250
    return image


def bars(kinds: list[str], random: np.random.Generator) -> np.ndarray:
    """[8, 8 n] bytes: n bars side by side."""
    return np.concatenate([bar(kind, random) for kind in kinds], axis=1)


def several(random: np.random.Generator) -> list[str]:
    """The kinds of one to three bars."""
    return [KINDS[random.integers(2)] for _ in range(random.integers(1, 4))]
