"""Writes strokes.csv: synthetic words of O, X, T and L with noise; docs/generate-vectors.md shows some."""

import sys

import numpy as np
import polars as pl

WORDS, LETTERS, TREMBLE = 400, 4, 0.25

turn, line = np.linspace(0, 2 * np.pi, 22), np.linspace(0, 1, 14)
zero, one = 0 * line, 1 + 0 * line
ALPHABET = [
    [np.column_stack([np.cos(turn), np.sin(turn)])],
    [np.column_stack([line * 2 - 1, line * 2 - 1]), np.column_stack([line * 2 - 1, 1 - line * 2])],
    [np.column_stack([zero, 1 - 2 * line]), np.column_stack([2 * line - 1, one])],
    [np.column_stack([-one, 1 - 2 * line]), np.column_stack([2 * line - 1, -one])],
]


def word(random: np.random.Generator) -> np.ndarray:
    """Returns letters of one size and slant, [T, 3]: x, y, and 1 if the pen is lifted after a step."""
    size, slant = random.uniform(7, 12), 0.15 * random.normal()
    rows = []
    for place in range(LETTERS):
        for stroke in ALPHABET[random.integers(len(ALPHABET))]:
            slanted = size * np.column_stack([stroke[:, 0] + slant * stroke[:, 1], stroke[:, 1]])
            drawn = slanted + [2.8 * size * place, 0] + TREMBLE * random.normal(size=stroke.shape)
            lifted = np.arange(len(stroke)) == len(stroke) - 1
            rows.append(np.column_stack([drawn, lifted]))
    return np.concatenate(rows)


def table() -> pl.DataFrame:
    """Returns all words as one long table."""
    random, frames = np.random.default_rng(0), []
    for number in range(WORDS):
        x, y, lifted = word(random).T
        own = {"id": [number] * len(x), "t": range(len(x))}
        frames.append(pl.DataFrame({**own, "x": x.round(2), "y": y.round(2), "lifted": lifted.astype(int)}))
    return pl.concat(frames)


if __name__ == "__main__":
    table().write_csv(sys.argv[1] if len(sys.argv) > 1 else "strokes.csv")
