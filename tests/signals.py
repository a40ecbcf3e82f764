"""Long tables made by a rule: motifs with a label at each step, and symbols blurred in time."""

import numpy as np
import polars as pl

SHAPES = {"rise": lambda t: t, "fall": lambda t: 1 - t, "wave": lambda t: 0.5 + 0.5 * np.sin(4 * np.pi * t)}


def motifs(sequences=30, least=3, most=6, seed=0):
    """A table of id, time, two channels and the label of each step; flat parts are called rest."""
    random = np.random.default_rng(seed)
    frames = []
    for number in range(sequences):
        values, labels = [], []
        for _ in range(random.integers(least, most + 1)):
            name = ("rise", "fall", "wave", "rest")[random.integers(4)]
            steps = int(random.integers(8, 15))
            shape = np.zeros(steps) if name == "rest" else SHAPES[name](np.linspace(0, 1, steps))
            values.append(np.stack([shape, np.full(steps, name == "wave")], axis=1))
            labels += [name] * steps
        noisy = np.concatenate(values) + 0.05 * random.normal(size=(len(labels), 2))
        frames.append(
            pl.DataFrame({"id": [f"s{number}"] * len(labels), "time": np.arange(len(labels)),
                          "a": noisy[:, 0].round(3), "b": noisy[:, 1].round(3), "label": labels})
        )  # fmt: skip
    return pl.concat(frames)


def blurred(sequences=60, symbols="abc", least=1, most=4, seed=0):
    """A table of id, time and a channel for each symbol, and a table of id and text."""
    random = np.random.default_rng(seed)
    frames, texts = [], []
    for number in range(sequences):
        text = "".join(random.choice(list(symbols), random.integers(least, most + 1)))
        rows = [np.zeros((random.integers(2, 5), len(symbols)))]
        for symbol in text:
            bump = np.zeros((random.integers(3, 6), len(symbols)))
            bump[:, symbols.index(symbol)] = 1
            rows += [bump, np.zeros((random.integers(1, 4), len(symbols)))]
        values = np.concatenate(rows) + 0.1 * random.normal(size=(sum(map(len, rows)), len(symbols)))
        channels = {f"c{place}": values[:, place].round(3) for place in range(len(symbols))}
        frames.append(
            pl.DataFrame({"id": [f"s{number}"] * len(values), "time": range(len(values)), **channels})
        )
        texts.append(text)
    return pl.concat(frames), pl.DataFrame(
        {"id": [f"s{number}" for number in range(sequences)], "text": texts}
    )
