"""The forecasting task: train, compare, evaluate, predict."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import torch

from gatewise.cells.base import CellType
from gatewise.data.columns import Columns
from gatewise.data.forecasting import ForecastData, Plan, latest, prepare
from gatewise.data.series import SeriesSet, read_series
from gatewise.data.times import say
from gatewise.errors import GatewiseError
from gatewise.networks.baselines import WindowMLP
from gatewise.networks.forecast import ForecastNetwork, GridForecastNetwork, transform_of
from gatewise.networks.forecaster import HeadedForecaster
from gatewise.networks.heads import LEVELS
from gatewise.networks.saving import SavedModel, load_model, save_model
from gatewise.training.contest import (
    Contest,
    Entry,
    Watcher,
    baselines,
    evaluated,
    for_use,
    ranked,
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

    A test part that the model has seen in training is refused, as its score would mean nothing.

    Errors: `GatewiseError` where the folder holds no model, or the file lacks its columns.
    """
    model = load_model(folder)
    source = _read_for(model, path)
    data = prepare(source, model.plan, model.learned)
    for series in source.series:
        start, seen = series.times[data.plan.borders(len(series))[1]], model.learned.seen.get(series.id)
        # Dates as text are in the order of time; whole numbers are not.
        order: Callable[[str], Any] = int if series.times.dtype.is_integer() else str
        if seen is not None and order(say(start)) <= order(seen):
            raise GatewiseError(
                f"the test part of series {series.id!r} begins at {say(start)}, and the model has seen it "
                f"up to {seen}: give a file with later values"
            )
    entries = [*baselines(data, watcher), evaluated(model.name, model.network, data)]
    return ranked(data, entries)


def predict(folder: Path, path: Path) -> pl.DataFrame:
    """The steps beyond the end of each series, in the file's own columns: the target is the median.

    Errors: `GatewiseError` where the folder holds no model, or a series is shorter than its context.
    """
    model = load_model(folder)
    source = _read_for(model, path)
    batch, times, scales = latest(source, model.plan, model.learned)
    with torch.inference_mode():
        quantiles = model.network.quantiles(model.network(batch.past, batch.future)).double().numpy()
    frames = []
    for series, own_times, scale, values in zip(source.series, times, scales, quantiles, strict=True):
        quantile = {level: scale.undo(values[:, place]) for place, level in enumerate(LEVELS)}
        around = {f"q{level:g}": column for level, column in quantile.items() if level != 0.5}
        names = source.columns
        first = {names.id or "series": [series.id] * len(own_times), names.time: own_times}
        frames.append(pl.DataFrame({**first, names.target: quantile[0.5], **around}))
    return pl.concat(frames).with_columns(cs.float().round_sig_figs(7))


def _read_for(model: SavedModel, path: Path) -> SeriesSet:
    """A file, read as the model's training data were; its step must be the same."""
    source = read_series(path, model.columns, fill=model.fill, time_format=model.time_format)
    if str(source.step) != model.step:
        raise GatewiseError(
            f"the model was trained on steps of one {model.step}; {path} has steps of one {source.step}"
        )
    return source


def _network(data: ForecastData, options: ForecastOptions, cell: CellType) -> HeadedForecaster:
    if options.network == "grid":
        tied = options.depth_weights == "tied"
        return GridForecastNetwork(
            shape_of(data), transform_of(cell), options.hidden, options.layers, tied, options.head
        )
    return ForecastNetwork(
        shape_of(data), cell, options.hidden, options.layers, options.dropout, options.head
    )


def _conclude(run: Run, data: ForecastData, entries: list[Entry]) -> Contest:
    contest = ranked(data, entries)
    write_leaderboard(run.folder / "leaderboard.csv", contest)
    chosen = contest.chosen(baseline=False)
    if chosen is not None:
        save_model(run.folder, for_use(chosen.name, chosen.network, data, run.options))
    return contest
