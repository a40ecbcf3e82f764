"""Made series with spikes, level shifts and dropouts whose places are known."""

import numpy as np
import polars as pl

KINDS = ("spike", "shift", "dropout")


def inject(values, seed=0, every=30, strength=3.0):
    """Values with an anomaly in about `every` steps, and a label 0 or 1 for each step.

    strength: of a spike, in standard deviations of the values; a level shift has half of it; a dropout
    repeats the least value for some steps
    """
    random = np.random.default_rng(seed)
    changed, labels = np.array(values, float), np.zeros(len(values), int)
    deviation, least = changed.std(), changed.min()
    place = every
    for number in range(len(values) // every):
        kind = KINDS[number % len(KINDS)]
        size = 1 if kind == "spike" else int(random.integers(3, 7))
        if place + size >= len(values):
            break
        if kind == "dropout":
            changed[place : place + size] = least
        else:
            sign = random.choice([-1, 1])
            changed[place : place + size] += sign * strength * deviation / (1 if kind == "spike" else 2)
        labels[place : place + size] = 1
        place += int(random.integers(every // 2, 3 * every // 2))
    return changed, labels


def seasonal(steps=600, period=12, noise=0.15, seed=0, anomalies=True, **options):
    """A table of a seasonal series: day, value, and label where there are anomalies."""
    time = np.arange(steps)
    values = 10 + 2 * np.sin(2 * np.pi * time / period) + 0.8 * np.sin(4 * np.pi * time / period)
    values = values + noise * np.random.default_rng(seed).normal(size=steps)
    table = pl.DataFrame({"day": time, "value": values})
    if not anomalies:
        return table
    changed, labels = inject(values, seed, **options)
    return table.with_columns(value=pl.Series(changed), anomaly=pl.Series(labels))
