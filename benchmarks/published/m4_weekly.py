"""The 359 weekly series of the M4 competition, 13 weeks ahead, by one LSTM with default options.

The competition (Makridakis, Spiliotis and Assimakopoulos 2020) scores the mean sMAPE and MASE over the series
and OWA, the mean of both relative to the naive forecast; the season of weekly series counts as 1. The winner,
ES-RNN (Smyl 2020), an ensemble fitted to each frequency, has a sMAPE of 7.817, a MASE of 2.356 and an OWA of
.851; repeating the last value has 9.161 and 2.777.

Ours: `gatewise.Forecaster(horizon=13)`, for each seed one network for all series, fitted to the training file
and asked once for the 13 weeks after it; beside it are the naive forecast and the ridge regression of the
comparisons. The weeks are numbered from 0: the training file has no dates.

Some series of the competition are parts of others at other times: the weeks to forecast of a few occur in the
training series of another, which any method that learns from all series could use. The scores without these
few are recorded too.
"""

from __future__ import annotations

import csv
import gzip
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from experiment import arguments, record

import gatewise
from gatewise.tasks.forecast.baselines import Ridge
from gatewise.tasks.forecast.data import shape_of
from gatewise.tasks.forecast.latest import latest
from gatewise.tasks.forecast.task import TASK

PAPER = "ES-RNN, the winner: sMAPE 7.817, MASE 2.356, OWA .851; naive: 9.161, 2.777"
HORIZON = 13


def read(path: Path) -> dict[str, np.ndarray]:
    """The series of a file, by their names: a row each, of unequal lengths."""
    if not path.is_file():
        raise SystemExit(f"no {path.name} in {path.parent}; GATEWISE_DATA names the folder that has m4/")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: np.array([float(value) for value in row[1:] if value]) for row in rows}


def table(series: dict[str, np.ndarray]) -> pl.DataFrame:
    """The series as one long table: id, week, value."""
    frames = [
        pl.DataFrame({"id": [name] * len(values), "week": np.arange(len(values)), "value": values})
        for name, values in series.items()
    ]
    return pl.concat(frames)


def scores(
    history: dict[str, np.ndarray], truth: dict[str, np.ndarray], forecast: dict[str, np.ndarray]
) -> dict[str, float]:
    """The competition's means over the series: sMAPE in percent, MASE of season 1, OWA."""

    def means(forecasts: dict[str, np.ndarray]) -> np.ndarray:
        errors = []
        for name, values in truth.items():
            error, size = np.abs(values - forecasts[name]), np.abs(values) + np.abs(forecasts[name])
            unit = np.abs(np.diff(history[name])).mean()
            errors.append((200 * (error / size).mean(), error.mean() / unit))
        return np.mean(errors, axis=0)

    smape, mase = means(forecast).tolist()
    return {"sMAPE": smape, "MASE": mase, "OWA": float((means(forecast) / means(naive(history))).mean())}


def repeated(history: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> set[str]:
    """The series whose first three weeks to forecast occur in the training set of another series."""
    known = {
        tuple(values[start : start + 3]) for values in history.values() for start in range(len(values) - 2)
    }
    return {name for name, values in truth.items() if tuple(values[:3]) in known}


def without(names: set[str], series: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All series but some."""
    return {name: values for name, values in series.items() if name not in names}


def naive(history: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The last value of each series, for every week."""
    return {name: np.repeat(values[-1], HORIZON) for name, values in history.items()}


def ridge(path: Path) -> dict[str, np.ndarray]:
    """The forecasts of ridge regression, fitted as beside the networks of a comparison."""
    data = TASK.read(path, TASK.options(horizon=HORIZON))
    model = Ridge(shape_of(data), data.plan.normalization)
    model.fit(data.train, data.validation)
    batch, _, scales = latest(data.source, data.plan, data.learned)
    points = model.point(batch.past, batch.future).double().numpy()
    return {
        series.id: scale.undo(point)
        for series, scale, point in zip(data.source.series, scales, points, strict=True)
    }


def network(series: pl.DataFrame, cell: str, seed: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The forecasts of one network with default options, and the notes on its data."""
    with tempfile.TemporaryDirectory() as folder:
        model = gatewise.Forecaster(
            horizon=HORIZON, cell=cell, seed=seed, out=f"{folder}/run", progress=False
        )
        forecast = model.fit(series, id="id", time="week", target="value").predict()
    return forecast, model.notes_


def values(forecast: pl.DataFrame, column: str = "value") -> dict[str, np.ndarray]:
    """A column of forecasts by the names of the series."""
    return {str(key[0]): rows[column].to_numpy() for key, rows in forecast.group_by("id")}


def coverage(truth: dict[str, np.ndarray], forecast: pl.DataFrame) -> float:
    """The fraction of true values between the quantiles 0.1 and 0.9."""
    low, high = values(forecast, "q0.1"), values(forecast, "q0.9")
    return float(np.mean([(low[name] <= own) & (own <= high[name]) for name, own in truth.items()]))


def experiment(folder: Path, cell: str, seeds: range) -> dict[str, Any]:
    """The scores of all forecasts, and the mean over the networks of each seed."""
    history, truth = read(folder / "Weekly-train.csv.gz"), read(folder / "Weekly-test.csv")
    series = table(history)
    result: dict[str, Any] = {"naive": scores(history, truth, naive(history))}
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "weekly.parquet"
        series.write_parquet(path)
        result["ridge"] = scores(history, truth, ridge(path))
    forecasts = []
    for seed in seeds:
        begun = time.monotonic()
        forecast, notes = network(series, cell, seed)
        minutes = (time.monotonic() - begun) / 60
        own_scores = scores(history, truth, values(forecast))
        covered = {"coverage of 80% intervals": coverage(truth, forecast), "minutes": minutes}
        result[f"{cell}, seed {seed}"] = own_scores | covered
        result["notes"] = notes
        forecasts.append(values(forecast))
        print(seed, result[f"{cell}, seed {seed}"], flush=True)
    own = [result[f"{cell}, seed {seed}"] for seed in seeds]
    result[f"{cell}, mean of {len(own)} seeds"] = {
        name: float(np.mean([one[name] for one in own])) for name in own[0]
    }
    together = {name: np.mean([one[name] for one in forecasts], axis=0) for name in truth}
    result[f"{cell}, mean forecast of {len(own)} seeds"] = scores(history, truth, together)
    few = repeated(history, truth)
    result[f"{cell}, mean forecast, without {len(few)} series that others repeat"] = scores(
        without(few, history), without(few, truth), without(few, together)
    )
    return result


if __name__ == "__main__":
    settings = arguments(__doc__, cell="lstm", seeds=3)
    root = Path(__file__).resolve().parents[2]
    data = Path(os.environ.get("GATEWISE_DATA", root.parent / "shared" / "data")) / "m4"
    begun, first = time.monotonic(), settings.seed
    measured = experiment(data, settings.cell, range(first, first + settings.seeds))
    record("m4-weekly", settings, PAPER, measured, (time.monotonic() - begun) / 60)
