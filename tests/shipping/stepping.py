"""Small models that stream, trained once for all tests, and the steps of a stepwise module."""

from functools import cache

import numpy as np
import polars as pl
import torch

import gatewise as gw

SMALL = {"hidden": 6, "progress": False, "baselines": False}


def run(step, rows):
    """The results of a stepwise module for rows [T, ...] of one sequence, and the last states."""
    states, results = step.initial_states(), []
    with torch.inference_mode():
        for row in rows:
            y, *states = step(row.unsqueeze(0), *states)
            results.append(y[0])
    return torch.stack(results), states


def walks(count=40, steps=9, channels=2, seed=0):
    """Sequences [N, T, C] of three classes, far from zero, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    steps = rng.normal(size=(count, steps, channels)) + labels[:, None, None] - 1
    return 1000 + 5 * steps.cumsum(1), np.array(["down", "flat", "up"])[labels]


def months(series=("a", "b"), length=60):
    """Series of months, positive, with a seasonal pattern."""
    rng, time = np.random.default_rng(1), np.arange(length)
    times = pl.date_range(pl.date(2015, 1, 1), pl.date(2030, 1, 1), "1mo", eager=True)[:length]
    frames = [
        pl.DataFrame(
            {
                "store": name,
                "month": times,
                "sales": 50 * (1 + place) + 9 * np.sin(time * np.pi / 6) + rng.normal(size=length),
            }
        )
        for place, name in enumerate(series)
    ]
    return pl.concat(frames)


def forecaster(table=None, time="month", target="sales", **options):
    """A forecaster; tests share those of `months()`, and leave them as they are."""
    return _forecaster(**options) if table is None else _fitted(table, time, target, **options)


@cache
def _forecaster(**options):
    return _fitted(months(), "month", "sales", **options)


def _fitted(table, time, target, **options):
    model = gw.Forecaster(horizon=3, context=14, cell="lstm", max_steps=3, **{**SMALL, **options})
    return model.fit(table, time=time, target=target)


@cache
def classifier(**options):
    """A classifier of walks, which tests share and leave as it is."""
    values, labels = walks()
    given = {"network": "stack", "bidirectional": False, "cell": "gru", "epochs": 1, **SMALL, **options}
    return gw.Classifier(**given).fit(values, labels)


@cache
def generator(**options):
    """A generator of texts, which tests share and leave as it is."""
    return gw.TextGenerator(epochs=1, **SMALL, **options).fit(
        "the quick brown fox jumps over the lazy dog. " * 100
    )
