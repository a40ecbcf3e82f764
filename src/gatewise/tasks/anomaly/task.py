"""Anomaly detection: steps of a series that a one-step forecast does not expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import polars.selectors as cs
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import to_polars
from gatewise.data.series.scaled_table import learn_scales
from gatewise.data.series.times import say, time_format
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, Line, Track, channels, require_example
from gatewise.tasks.anomaly.baselines import LaggedResidual, RollingZScore
from gatewise.tasks.anomaly.data import (
    AnomalyData,
    AnomalyPlan,
    LabelledWindows,
    Preprocessing,
    cut,
    prepare,
    read_test_data,
)
from gatewise.tasks.anomaly.detector import Detector, DetectorShape, score_windows
from gatewise.tasks.anomaly.labels import find_label, read_labelled
from gatewise.tasks.anomaly.metrics import (
    F1,
    FALSE_ALARMS,
    NLL,
    PRECISION,
    RECALL,
    RESIDUAL,
    flagged,
    runs,
    score,
    series_windows,
)
from gatewise.tasks.anomaly.network import AnomalyNetwork
from gatewise.tasks.anomaly.plots import draw_anomalies
from gatewise.tasks.base import Prediction, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import CountOrFound, Fraction, Options, StackOptions, TaskOptions
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

LABEL = "anomaly"  # the column of flags; and of labels that are given beside a table
EVENTS_SHOWN = 30


class AnomalyDataOptions(Options):
    """The data"""

    time: str | None = Field(None, description="The column of times; recognised by its dates.")
    target: str | None = Field(None, description="The column of values.")
    id: str | None = Field(None, description="The column that tells many series apart.")
    label: str | None = Field(
        None, description="The column of labels, 1 at an anomaly and 0 elsewhere; recognised by its name."
    )
    known: tuple[str, ...] = Field((), description="Columns known in advance, with commas.")
    observed: tuple[str, ...] = Field((), description="Columns known up to the present, with commas.")
    fill: Literal["linear", "forward"] | None = Field(None, description="How to fill gaps, if at all.")
    time_format: str | None = Field(None, description="The form of the times, such as %d/%m/%Y.")
    context: CountOrFound = Field(0, description="Steps before the one that is scored; 0 finds a number.")
    period: CountOrFound = Field(0, description="Steps after which the series repeats; 0 finds it.")
    validation_fraction: Fraction = Field(0.2, description="The fraction of each series for the threshold.")
    test_fraction: Fraction = Field(0.2, description="The last fraction of each series, the test set.")


class AnomalyOptions(TaskOptions, StackOptions, AnomalyDataOptions):
    """The training"""

    false_alarm_rate: float = Field(
        0.01, gt=0, lt=0.5, description="The fraction of normal validation steps that may be flagged."
    )


class DetectAnomalies(Task[AnomalyData]):
    """Flags steps whose standardised residual is high, beside a rolling z-score and naive residuals."""

    name = "anomaly"
    about = "Detect anomalies in series."
    given = "a CSV or Parquet file of series"
    options = AnomalyOptions
    metrics = (F1, PRECISION, RECALL, FALSE_ALARMS, RESIDUAL, NLL)
    chosen_by = NLL
    next_step = "gatewise predict {run} {data} --out anomalies.csv"

    def metrics_of(self, data: AnomalyData) -> tuple[Metric, ...]:
        """By events where the test set has labelled ones, else by the likelihood of its values."""
        return self.metrics if data.has_events else (NLL, RESIDUAL, FALSE_ALARMS)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        """As all tables are written; y: a label, 0 or 1, for each row."""
        if y is None or isinstance(data, str | Path):
            return super().write(data, y, folder, layout)
        frame, labels = to_polars(data), np.asarray(y)
        if len(labels) != frame.height:
            raise GatewiseError(f"there are {frame.height} rows and {len(labels)} labels")
        path, found = super().write(frame.with_columns(pl.Series(LABEL, labels)), None, folder, layout)
        return path, {**found, "label": LABEL}

    def read(self, path: Path, options: AnomalyOptions) -> AnomalyData:
        columns = Columns(options.time, options.target, options.id, options.known, options.observed)
        label = options.label or find_label(path, columns)
        given = read_labelled(path, columns, label, options.fill, options.time_format)
        plan = AnomalyPlan(
            options.false_alarm_rate, options.context, options.period, options.validation_fraction,
            options.test_fraction,
        )  # fmt: skip
        return prepare(given, plan)

    def network(self, data: AnomalyData, options: AnomalyOptions, cell: CellType) -> AnomalyNetwork:
        return AnomalyNetwork(
            shape_of(data), cell, options.hidden, options.layers, options.dropout, options.false_alarm_rate
        )

    def baselines(
        self, data: AnomalyData, options: AnomalyOptions | None = None
    ) -> Mapping[str, Callable[[], Any]]:
        shape, rate = shape_of(data), data.plan.false_alarm_rate
        found: dict[str, Callable[[], Any]] = {
            "rolling-z-score": partial(RollingZScore, shape, rate),
            "naive": partial(LaggedResidual, shape, rate),
        }
        if 1 < shape.period <= shape.context:
            found["seasonal-naive"] = partial(LaggedResidual, shape, rate, shape.period)
        return found

    def score(
        self, predictions: Predictions[Detector, LabelledWindows], data: AnomalyData
    ) -> dict[str, float]:
        network, part = predictions.network, predictions.split
        return score(network, part)

    def finish(self, network: Detector, data: AnomalyData) -> None:
        assert data.validation is not None
        network.eval().calibrate(data.validation)

    def preprocessing(self, data: AnomalyData, options: AnomalyOptions) -> dict[str, Any]:
        source = data.source
        return asdict(
            Preprocessing(
                data.plan, data.learned, source.columns, data.label, str(source.step), options.fill,
                options.time_format,
            )
        )  # fmt: skip

    def load_for_evaluation(self, model: SavedModel, path: Path) -> AnomalyData:
        """The steps that the model has not seen; those before them are context."""
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Every step after the first context, with the expected value, its score and its flag, 0 or 1.

        Errors: `GatewiseError` where a series is not longer than the context.
        """
        preprocessing, network = load_preprocessing(Preprocessing, model), model.network
        assert isinstance(network, Detector)
        given, plan = preprocessing.series(path), preprocessing.plan
        source = given.source
        for series in source.series:
            if len(series) <= plan.context:
                raise GatewiseError(
                    f"series {series.id!r} has {len(series)} steps; the model has a context of {plan.context}"
                )
        sizes = [len(series) for series in source.series]
        learned = learn_scales(source, sizes, preprocessing.learned)
        windows = cut(given, learned, plan, [(0, size) for size in sizes])
        scores = score_windows(network, windows)
        flags, names, frames = flagged(network, scores), source.columns, []
        for series, own in zip(source.series, series_windows(windows), strict=True):
            steps = windows.steps.numpy()[own]
            times = source.clock.restored(series.times.gather(steps))
            expected = learned.series[series.id].undo(scores.location[own])
            first = {names.id or "series": [series.id] * len(own), names.time: times}
            values = {names.target: series.target[steps], "expected": expected, "score": scores.score[own]}
            frames.append(pl.DataFrame({**first, **values, LABEL: flags[own].astype(np.int64)}))
        frame = pl.concat(frames).with_columns(cs.float().round_sig_figs(7))
        about = (
            f"{int(flags.sum())} of {frame.height} steps are flagged, with a score above "
            f"{float(network.threshold):.4g}; the first {plan.context} steps of a series are context"
        )
        return Prediction(frame, about, times=source.clock.written(frame[:, 1]))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A step of the test set: the context that the model reads, the expected band and the value."""
        data, network = self.load_for_evaluation(model, path), model.network
        require_example(number, len(data.test), "steps in the test set")
        assert isinstance(network, Detector)
        batch, step = data.test.__getitems__([number]), int(data.test.steps[number])
        series = data.source.series[int(batch.series)]
        scale, past = data.learned.series[series.id], data.plan.context
        found, threshold = score_windows(network, data.test.only(number)), float(network.threshold)
        reach = threshold * found.scale
        target = (
            Line("given", scale.undo(batch.past[0, :, 0].double().numpy())),
            Line("value", scale.undo(found.truth), past),
            Line("expected", scale.undo(found.location), past),
            Line("lower limit", scale.undo(found.location - reach), past),
            Line("upper limit", scale.undo(found.location + reach), past),
        )
        names = [
            *(f"{part} of the {cycle}" for cycle in data.learned.cycles for part in ("sine", "cosine")),
            *(data.source.columns.known + data.source.columns.observed),
        ]
        own = series.times[step - past : step + 1]
        form = time_format(own)
        times = tuple(map(say, own if form is None else own.dt.to_string(form)))
        verdict = "flagged" if found.score[0] > threshold else "not flagged"
        return Example(
            batch, f"{series.id}, step {number} of the test set",
            (Track(data.source.columns.target, target), *channels(names, batch.past[0, :, 1:].numpy())),
            f"at {times[-1]} it expects {target[2].values[0]:.6g}, and the value is "
            f"{target[1].values[0]:.6g}: score {found.score[0]:.3g}, threshold {threshold:.3g}, {verdict}",
            times, str(data.source.step),
        )  # fmt: skip

    def details(
        self, predictions: Predictions[Detector, LabelledWindows], data: AnomalyData
    ) -> list[Details]:
        """The labelled events of the test set, or what is flagged there."""
        network = predictions.network
        scores = score_windows(network, data.test)
        flags, labels = flagged(network, scores), data.test.labels.numpy()
        rows = []
        for own in series_windows(data.test):
            series = data.source.series[int(data.test.series[own[0]])]
            for event in runs((labels if data.has_events else flags)[own]):
                inside = own[event.first : event.last]
                first, last = (say(series.times[int(data.test.steps[one])]) for one in inside[[0, -1]])
                detected = "yes" if flags[inside].any() else "no"
                highest = f"{scores.score[inside].max():.3g}"
                rows.append((series.id, first, last, str(len(inside)), highest, detected))
        what = "labelled events" if data.has_events else "flagged stretches"
        some = f", the first {EVENTS_SHOWN} of {len(rows)}" if len(rows) > EVENTS_SHOWN else ""
        header = ("series", "first", "last", "steps", "highest score", "flagged")
        return [Details(f"{what} of the test set{some}", header, tuple(rows[:EVENTS_SHOWN]))] if rows else []

    def caption(self, data: AnomalyData) -> str:
        rate = f"{data.plan.false_alarm_rate:.3g}"
        events = "an event is a run of labelled steps, detected where one is flagged; " * data.has_events
        return (
            f"* a baseline; {events}false alarms: normal steps that are flagged, set to {rate} on the "
            "validation set; residuals and NLL in standard deviations of the series"
        )

    def draw(self, comparison: Comparison[AnomalyData]) -> list[Plot]:
        chosen = comparison.chosen(baseline=False)
        assert chosen is not None
        assert isinstance(chosen.network, Detector)
        figure = draw_anomalies(chosen.network, chosen.name, comparison.data)
        return [Plot("anomalies", "a stretch of the test set, its scores and what is flagged", figure)]


def shape_of(data: AnomalyData) -> DetectorShape:
    """The sizes of a detection problem, from its data."""
    known, inputs = data.test.known, data.test.view.shape[1]
    return DetectorShape(data.plan.context, data.plan.period, known, inputs - 1 - known)


TASK = DetectAnomalies()
