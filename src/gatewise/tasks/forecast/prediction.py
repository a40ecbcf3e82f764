"""Forecasts beyond the end of each series, as tables: quantiles, or sample paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
import torch

from gatewise.data.series.scaling import Scale
from gatewise.data.series.scenario import with_scenario
from gatewise.data.series.series_set import SeriesSet
from gatewise.data.series.targets import by_target
from gatewise.data.times.formats import format_time, time_order
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.coherence import coherence_after
from gatewise.tasks.forecast.data import Preprocessing
from gatewise.tasks.forecast.forecaster import Forecaster, HeadedForecaster
from gatewise.tasks.forecast.latest import latest
from gatewise.tasks.forecast.lengths import new_or_short, with_values
from gatewise.tasks.forecast.paths import draw_paths
from gatewise.tasks.forecast.plan import WindowPlan
from gatewise.tasks.forecast.reconciliation import Coherence, with_medians
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing, options_of_training
from gatewise.tasks.serialization import SavedModel

DIGITS, SUM_DIGITS = 7, 12  # significant ones of forecasts, and of their sums


@dataclass(frozen=True)
class Outlook:
    """The forecasts of the steps beyond the end of each series, scaled.

    times, scales: of each series; quantiles: [S, Q, n], of the levels of the model
    is_refitted: whether they are those of the network that was trained on all data
    assumed_step: in words, between times that are not known; empty if all are
    coherence: makes medians in the units of the data add up, if the series have a hierarchy
    """

    plan: WindowPlan
    source: SeriesSet
    times: list[pl.Series]
    scales: list[Scale]
    quantiles: np.ndarray
    is_refitted: bool
    assumed_step: str = ""
    coherence: Coherence | None = None

    def columns(self) -> Iterator[tuple[dict[str, Any], Scale]]:
        """The ids and the times of the rows of each series, by the names of the columns, and its scale."""
        names = self.source.columns
        for series, times, scale in zip(self.source.series, self.times, self.scales, strict=True):
            ids = names.id_cells(series.id, len(times))
            yield {**ids, names.time: self.source.clock.restored(times)}, scale

    def values(self, median: int) -> np.ndarray:
        """[S, Q, n], the quantiles in the units of the data; those of a hierarchy move with the median.

        median: its place among the quantiles
        """
        pairs = zip(self.quantiles, self.scales, strict=True)
        values = np.stack([scale.undo(quantiles) for quantiles, scale in pairs])
        if self.coherence is None:
            return values
        bottom = _rounded(self.coherence.weights @ values[..., median], DIGITS)
        medians = _rounded(self.coherence.summing @ bottom, SUM_DIGITS)
        return with_medians(values, medians, median, self.plan.support)

    def prediction(self, frames: list[pl.DataFrame], about: str, keys: Sequence[str] = ()) -> Prediction:
        """The prediction that consists of a table of each series.

        about: describes its columns; keys: those that identify a row beside ids and times
        """
        values = cs.float() - cs.by_name(self.source.columns.time)
        rounded = values if self.coherence is None else values - cs.by_name(self.source.columns.target)
        frame = pl.concat(frames).with_columns(rounded.round_sig_figs(DIGITS))
        if self.plan.support == "counts":
            frame = frame.with_columns(values.cast(pl.Int64))
        ticks = [
            np.tile(times.to_physical().to_numpy(), own.height // len(times))
            for own, times in zip(frames, self.times, strict=True)
        ]
        frame = by_target(frame, self.source.columns, np.concatenate(ticks), keys)
        first, last = min(times[0] for times in self.times), max(times[-1] for times in self.times)
        span = f"{format_time(first)} to {format_time(last)}"
        written = self.source.clock.written(frame[self.source.columns.time])
        by = "; by the network trained on all data" if self.is_refitted else ""
        assumed = self.assumed_step
        apart = f"; times are assumed {assumed} apart, and --known-from gives others" if assumed else ""
        about = f"{frame.height} rows from {span}; {about}{by}{apart}"
        return Prediction(frame, about, time_format=written, warnings=self.source.warnings)


def predict_quantiles(model: SavedModel, path: Path, known_from: Path | None = None) -> Prediction:
    """A row for each step: the target is the median, and each other level has a column.

    known_from: a file of the known covariates of the horizon; None if they are in the data
    """
    outlook, network = _outlook(model, path, known_from), _network(model)
    levels, target, frames = network.quantile_levels, outlook.source.columns.target, []
    for (columns, _), values in zip(outlook.columns(), outlook.values(network.median_index), strict=True):
        quantile = {level: values[:, index] for index, level in enumerate(levels)}
        around = {f"q{level:g}": column for level, column in quantile.items() if level != 0.5}
        frames.append(pl.DataFrame({**columns, target: quantile[0.5], **around}))
    each = " of each target" if outlook.source.columns.target_source else ""
    about = f"the median, and the quantiles {levels[0]:g} to {levels[-1]:g}{each}"
    return outlook.prediction(frames, about)


def predict_paths(
    model: SavedModel, path: Path, samples: int, seed: int = 0, known_from: Path | None = None
) -> Prediction:
    """A row for each step of each sample path.

    known_from: as in `predict_quantiles`

    Raises: `GatewiseError` if the model does not know how its steps depend on each other.
    """
    network = _network(model)
    if not isinstance(network, HeadedForecaster) or network.templates is None:
        raise GatewiseError(
            "the model has not learned how the errors of different steps depend on each other, which sample "
            "paths need; train it again"
        )
    if load_preprocessing(Preprocessing, model).columns.hierarchy:
        raise GatewiseError("sample paths of a hierarchy do not add up; predict without --samples")
    outlook = _outlook(model, path, known_from)
    names, templates = outlook.source.columns, network.templates.double().cpu().numpy()
    drawn = draw_paths(
        outlook.quantiles, network.quantile_levels, templates, samples, seed, outlook.plan.support
    )
    number = "sample" if "sample" not in (*names.id_names, names.time, *names.targets) else "path"
    frames = []
    for (columns, scale), values in zip(outlook.columns(), drawn, strict=True):
        steps = pl.DataFrame(columns)
        paths = pl.concat([steps] * samples)
        numbers = np.repeat(np.arange(samples), steps.height)
        frames.append(
            paths.with_columns(
                pl.Series(number, numbers), pl.Series(names.target, scale.undo(values.reshape(-1)))
            )
        )
    return outlook.prediction(frames, f"{samples} sample paths of each series", (number,))


def _network(model: SavedModel) -> Forecaster:
    assert isinstance(model.network, Forecaster)
    return model.network


def _outlook(scored: SavedModel, path: Path, known_from: Path | None) -> Outlook:
    preprocessing = load_preprocessing(Preprocessing, scored)
    model, preprocessing, source = _for_use(scored, preprocessing, with_values(preprocessing.series(path)))
    network = _network(model)
    if known_from is not None:
        horizon, form, zone = preprocessing.plan.horizon, preprocessing.time_format, preprocessing.time_zone
        with options_of_training():
            source = with_scenario(source, known_from, horizon, form, zone)
    learned, plan = preprocessing.learned, preprocessing.plan
    source = source.warned(*learned.unseen(source), *new_or_short(source, learned.series, plan.context))
    ahead = min(len(series.times) - len(series) for series in source.series)
    assumed = source.step.words if source.step.is_irregular and ahead < plan.horizon else ""
    batch, times, scales = latest(source, plan, learned)
    with torch.inference_mode():
        quantiles = network.quantiles(network(*batch.inputs)).double().cpu().numpy()
    coherence = None
    if source.columns.hierarchy:
        steps, method = len(source.series[0]), preprocessing.reconciliation
        scaling = plan.learn_scales(source, [steps] * len(source.series), learned)
        coherence = coherence_after(source, steps, plan, scaling, network, method)
        source = source.warned(*filter(None, [coherence.why]))
    return Outlook(plan, source, times, scales, quantiles, model is not scored, assumed, coherence)


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    flat = pl.Series(values.reshape(-1)).round_sig_figs(digits)
    return flat.to_numpy().reshape(values.shape)


def _for_use(
    model: SavedModel, preprocessing: Preprocessing, source: SeriesSet
) -> tuple[SavedModel, Preprocessing, SeriesSet]:
    """The refitted model, or with a warning the scored one where a series ends before the data of that.

    A refitted model whose files are missing has a warning, too.

    preprocessing: of the scored model

    Returns: the model, its own preprocessing, and the series
    """
    if model.refitted is None:
        return model, preprocessing, source.warned(*model.describe_missing())
    refitted = load_preprocessing(Preprocessing, model.refitted)
    seen = refitted.learned.seen
    for series in source.series:
        order, last = time_order(series.times), format_time(series.times[len(series) - 1])
        if series.id in seen and order(last) < order(seen[series.id]):
            source = source.warned(
                f"series {series.id!r} ends at {last}, and the network trained on all data has seen values "
                f"up to {seen[series.id]}: the network that was scored forecasts instead"
            )
            return model, preprocessing, source
    return model.refitted, refitted, source
