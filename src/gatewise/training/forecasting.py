"""The forecasting task: train, compare, evaluate, predict."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import torch

from gatewise.cells.base import CellType
from gatewise.data.columns import Columns
from gatewise.data.forecasting import ForecastData, Plan, latest, prepare
from gatewise.data.series import read_series
from gatewise.networks.baselines import WindowMLP
from gatewise.networks.forecast import ForecastNetwork
from gatewise.networks.forecaster import HeadedForecaster
from gatewise.networks.heads import LEVELS
from gatewise.networks.saving import load_model, save_model
from gatewise.training.contest import (
    Contest,
    Entry,
    Watcher,
    baselines,
    evaluated,
    for_use,
    shape_of,
    trained,
    write_leaderboard,
)
from gatewise.training.options import CompareOptions, ForecastOptions, TrainOptions
from gatewise.training.runs import Run


def read(path: Path, options: ForecastOptions) -> ForecastData:
    """A file's series, split, scaled and cut as the options say."""
    columns = Columns(options.time, options.target, options.id, options.known, options.observed)
    source = read_series(path, columns, fill=options.fill, time_format=options.time_format)
    plan = Plan(
        options.horizon, options.context, options.period, options.validation_share, options.test_share
    )
    return prepare(source, plan)


def train(run: Run, data: ForecastData, watcher: Watcher) -> Contest:
    """Trains one network, beside the baselines that cost nothing; files go to the run's folder."""
    assert isinstance(run.options, TrainOptions)
    entries = list(baselines(data, watcher))
    for name, cell in run.cells.items():
        make = partial(_network, data, run.options, cell)
        entries.append(trained(name, make, data, {run.folder: run.options}, watcher))
    return _conclude(run, data, entries)


def compare(run: Run, data: ForecastData, watcher: Watcher) -> Contest:
    """Trains every cell and every baseline on the same windows; each training has a folder of its own."""
    options = run.options
    assert isinstance(options, CompareOptions)
    entries = list(baselines(data, watcher))
    makers: dict[str, Callable[[], HeadedForecaster]] = {"mlp": partial(WindowMLP, shape_of(data))}
    makers |= {name: partial(_network, data, options, cell) for name, cell in run.cells.items()}
    for name, make in makers.items():
        folders = {
            run.folder / "trainings" / f"{name}-{seed}": options.one(name, seed)
            for seed in range(options.seeds)
        }
        entries.append(trained(name, make, data, folders, watcher, baseline=name == "mlp"))
    return _conclude(run, data, entries)


def evaluate(folder: Path, path: Path, watcher: Watcher) -> Contest:
    """Scores a run's model on the test part of a file, beside the baselines.

    Errors: `GatewiseError` where the folder holds no model, or the file lacks its columns.
    """
    model = load_model(folder)
    source = read_series(path, model.columns, fill=model.fill, time_format=model.time_format)
    data = prepare(source, model.plan, model.learned)
    entries = [*baselines(data, watcher), evaluated(model.name, model.network, data)]
    return Contest(data, tuple(sorted(entries, key=lambda one: one.scores.mase)))


def predict(folder: Path, path: Path) -> pl.DataFrame:
    """The steps beyond the end of each series: id, time, the median and all quantiles.

    Errors: `GatewiseError` where the folder holds no model, or a series is shorter than its context.
    """
    model = load_model(folder)
    source = read_series(path, model.columns, fill=model.fill, time_format=model.time_format)
    batch, times, scales = latest(source, model.plan, model.learned)
    with torch.inference_mode():
        quantiles = model.network.quantiles(model.network(batch.past, batch.future)).double().numpy()
    frames = []
    for series, own_times, scale, values in zip(source.series, times, scales, quantiles, strict=True):
        columns = {f"q{level:g}": scale.undo(values[:, place]) for place, level in enumerate(LEVELS)}
        frames.append(
            pl.DataFrame(
                {"id": [series.id] * len(own_times), "time": own_times, "median": columns["q0.5"], **columns}
            )
        )
    return pl.concat(frames)


def _network(data: ForecastData, options: ForecastOptions, cell: CellType) -> ForecastNetwork:
    return ForecastNetwork(
        shape_of(data), cell, options.hidden, options.layers, options.dropout, options.head
    )


def _conclude(run: Run, data: ForecastData, entries: list[Entry]) -> Contest:
    contest = Contest(data, tuple(sorted(entries, key=lambda one: one.scores.mase)))
    write_leaderboard(run.folder / "leaderboard.csv", contest)
    chosen = contest.chosen(baseline=False)
    if chosen is not None:
        save_model(run.folder, for_use(chosen.name, chosen.network, data, run.options))
    return contest
