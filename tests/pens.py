"""Small made strokes of a pen, as tables."""

import numpy as np
import polars as pl


def strokes(count=24, seed=0):
    """Noisy circles and crosses, each a sequence: x, y, and 1 where the pen is lifted after a step."""
    random = np.random.default_rng(seed)
    turn, line = np.linspace(0, 2 * np.pi, 12), np.linspace(-1, 1, 5)
    circle = [np.column_stack([np.cos(turn), np.sin(turn)])]
    cross = [np.column_stack([line, line]), np.column_stack([line, -line])]
    frames = []
    for number in range(count):
        parts = [5 * one + 0.1 * random.normal(size=one.shape) for one in (circle, cross)[number % 2]]
        lifted = np.concatenate([np.arange(len(one)) == len(one) - 1 for one in parts])
        places = np.concatenate(parts) + 40
        frames.append(
            pl.DataFrame(
                {
                    "id": [f"p{number}"] * len(places),
                    "t": np.arange(len(places)),
                    "x": places[:, 0],
                    "y": places[:, 1],
                    "lifted": lifted.astype(int),
                }
            )
        )
    return pl.concat(frames)


def rolls(count=12, seed=0):
    """Two keys that are pressed by turns, and one at random."""
    random = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        steps = np.arange(10 + number % 3)
        keys = {
            "low": (steps + number) % 2,
            "high": (steps + number + 1) % 2,
            "some": random.integers(0, 2, len(steps)),
        }
        part = "test" if number % 4 == 3 else "valid" if number % 4 == 2 else "train"
        frames.append(pl.DataFrame({"piece": [number] * len(steps), "part": [part] * len(steps), **keys}))
    return pl.concat(frames)
