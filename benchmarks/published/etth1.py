"""ETTh1, 96 hours ahead: seven columns of an electricity transformer, and its oil temperature alone.

The usual protocol (Zhou et al. 2021): 12 months of training, 4 of validation, 4 of test; each column is
scaled by the mean and the standard deviation of its training set; MSE and MAE are means over all windows of
the test set, steps and columns. Linear models have .399 and .416 and PatchTST .414 and .419, all seven
columns together.

Ours: one LSTM of `gatewise.Forecaster(horizon=96)` with default options. The seven columns are seven series
of one table in long form, so that one network forecasts each from its own past. The point forecast is the
median. Beside it is the ridge regression of the comparisons.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from experiment import arguments, record

import gatewise
from gatewise.tasks.comparison import Comparison

PAPER = "seven columns: linear: MSE .399, MAE .416; PatchTST: .414, .419"
HOURS, HORIZON = 20 * 30 * 24, 96
TRAINING, HELD_OUT = 12 / 20, 4 / 20
COLUMNS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")


def table(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """The hours of the protocol in long form: column, date, value."""
    if not path.is_file():
        raise SystemExit(f"no {path.name} in {path.parent}; GATEWISE_DATA names the folder that has ett/")
    hours = pl.read_csv(path, try_parse_dates=True).head(HOURS)
    return hours.unpivot(list(columns), index="date", variable_name="column")


def scores(comparison: Comparison[Any]) -> dict[str, dict[str, float]]:
    """MSE and MAE of each candidate on the test set, in standard deviations of the training set."""
    data = comparison.data
    training = [series.target[: round(TRAINING * HOURS)] for series in data.source.series]
    deviations = torch.tensor([float(np.std(values)) for values in training])
    found = {}
    for result in comparison.results:
        middle = result.network.median_index
        square = absolute = count = 0.0
        for batch, quantiles in result.predictions.blocks():
            forecast, truth = quantiles[..., middle], data.undo(batch.truth, batch.series)
            error = (truth - forecast) / deviations[batch.series, None]
            square, absolute = square + float(error.square().sum()), absolute + float(error.abs().sum())
            count += error.numel()
        found[result.name] = {
            "MSE": square / count,
            "MAE": absolute / count,
            "coverage of 80% intervals": result.scores["coverage"],
            "minutes": result.seconds / 60,
        }
    return found


def experiment(folder: Path, cell: str, context: int, seeds: range) -> dict[str, Any]:
    """The scores for the seven columns and for the oil temperature."""
    measured: dict[str, Any] = {}
    for title, columns in (("seven columns", COLUMNS), ("oil temperature", ("OT",))):
        long = table(folder / "ETTh1.csv", columns)
        for seed in seeds:
            model = gatewise.Forecaster(
                horizon=HORIZON,
                cell=cell,
                context=context,
                seed=seed,
                validation_fraction=HELD_OUT,
                test_fraction=HELD_OUT,
                progress=False,
            ).fit(long, id="column", time="date", target="value")
            windows = len(model.comparison_.data.test)
            assert windows == len(columns) * (round(HELD_OUT * HOURS) - HORIZON + 1)
            measured[f"{title}, seed {seed}"] = scores(model.comparison_)
            measured[f"{title}, notes"] = model.notes_
            print(title, seed, measured[f"{title}, seed {seed}"], flush=True)
    return measured


if __name__ == "__main__":
    settings = arguments(__doc__, cell="lstm", seeds=1, context=0)
    root = Path(__file__).resolve().parents[2]
    data = Path(os.environ.get("GATEWISE_DATA", root.parent / "shared" / "data")) / "ett"
    begun, first = time.monotonic(), settings.seed
    measured = experiment(data, settings.cell, settings.context, range(first, first + settings.seeds))
    record("etth1", settings, PAPER, measured, (time.monotonic() - begun) / 60)
