"""Anomaly detection: steps of a series that a one-step forecast does not expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import is_decaying
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import to_polars
from gatewise.data.series.scaled_table import learn_scales
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.anomaly.baselines import LaggedResidual, RollingZScore
from gatewise.tasks.anomaly.data import (
    AnomalyData,
    AnomalyPlan,
    LabelledWindows,
    Preprocessing,
    cut,
    longer_than_context,
    prepare,
    read_test_data,
)
from gatewise.tasks.anomaly.deploy import DeployedDetector, deployed
from gatewise.tasks.anomaly.detector import Detector, DetectorShape, score_windows
from gatewise.tasks.anomaly.inspect import inspect_step
from gatewise.tasks.anomaly.labels import find_label, read_labelled
from gatewise.tasks.anomaly.metrics import (
    F1,
    FALSE_ALARMS,
    NLL,
    PRECISION,
    RECALL,
    RESIDUAL,
    Detections,
    event_table,
    flagged,
    score,
    series_windows,
)
from gatewise.tasks.anomaly.network import AnomalyNetwork
from gatewise.tasks.anomaly.options import AnomalyOptions
from gatewise.tasks.anomaly.plots import draw_anomalies
from gatewise.tasks.anomaly.stepwise import stepwise
from gatewise.tasks.base import Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

LABEL = "anomaly"  # the column of flags; and of labels that are given beside a table


class DetectAnomalies(Task[AnomalyData, AnomalyOptions, Detector, Detections]):
    """Flags steps whose standardized residual is high, beside a rolling z-score and naive residuals."""

    name = "anomaly"
    about = "Detect anomalies in series."
    data_help = "a CSV, Parquet or .tsf file of series"
    options = AnomalyOptions
    stream_ending = ".csv"
    metrics = (F1, PRECISION, RECALL, FALSE_ALARMS, RESIDUAL, NLL)
    selection_metric = NLL
    next_command = "gatewise predict {run} {data} --out anomalies.csv"

    def applicable_metrics(self, data: AnomalyData) -> tuple[Metric, ...]:
        """By events where the test set has labelled ones, else by the likelihood of its values."""
        return self.metrics if data.has_events else (NLL, RESIDUAL, FALSE_ALARMS)

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        """As all tables are written; y: a label, 0 or 1, for each row."""
        if y is None or isinstance(data, str | Path):
            return super().write(data, y, folder, layout)
        frame, labels = to_polars(data), np.asarray(y)
        if len(labels) != frame.height:
            raise GatewiseError(f"there are {frame.height} rows and {len(labels)} labels")
        path, columns = super().write(frame.with_columns(pl.Series(LABEL, labels)), None, folder, layout)
        return path, {**columns, "label": LABEL}

    def read(self, path: Path, options: AnomalyOptions) -> AnomalyData:
        columns = options.columns
        label = options.label or find_label(path, columns)
        labelled = read_labelled(
            path,
            columns,
            label,
            fill=options.fill,
            season=options.period,
            time_format=options.time_format,
            time_zone=options.time_zone,
            irregular=options.irregular,
        )
        plan = AnomalyPlan(
            false_alarm_rate=options.false_alarm_rate,
            context=options.context,
            period=options.period,
            fractions=Fractions(options.validation_fraction, options.test_fraction),
        )
        return prepare(labelled, plan)

    def check(self, options: AnomalyOptions, cell: CellType) -> None:
        super().check(options, cell)

    def network(self, data: AnomalyData, options: AnomalyOptions, cell: CellType) -> AnomalyNetwork:
        return AnomalyNetwork(
            shape=shape_of(data),
            cell=cell,
            hidden=options.hidden,
            layers=options.layers,
            heads=options.heads,
            dropout=options.dropout,
            false_alarm_rate=options.false_alarm_rate,
            decay=is_decaying(cell),
        )

    def baselines(
        self, data: AnomalyData, options: AnomalyOptions | None = None
    ) -> Mapping[str, Callable[[], Any]]:
        shape, rate = shape_of(data), data.plan.false_alarm_rate
        baselines: dict[str, Callable[[], Any]] = {
            "rolling-z-score": partial(RollingZScore, shape, rate),
            "naive": partial(LaggedResidual, shape, rate),
        }
        if 1 < shape.period <= shape.context:
            baselines["seasonal-naive"] = partial(LaggedResidual, shape, rate, shape.period)
        return baselines

    def predictions(self, network: Detector, data: AnomalyData, split: LabelledWindows) -> Detections:
        return Detections(network, split, score_windows(network, split))

    def score(self, predictions: Detections, data: AnomalyData) -> dict[str, float]:
        return score(predictions)

    def finish(self, network: Detector, data: AnomalyData) -> None:
        network.eval().calibrate(data.validation)

    def preprocessing(self, data: AnomalyData, options: AnomalyOptions) -> dict[str, Any]:
        source = data.source
        preprocessing = Preprocessing(
            plan=data.plan,
            learned=data.learned,
            columns=source.columns,
            label=data.label,
            step=str(source.step),
            fill=options.fill,
            time_format=options.time_format,
            season=options.period,
            time_zone=options.time_zone,
        )
        return asdict(preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> AnomalyData:
        """The steps that the model has not seen; those before them are context."""
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: AnomalyOptions) -> AnomalyData:
        preprocessing = load_preprocessing(Preprocessing, model)
        labelled = preprocessing.series(path, labelled=True)
        return prepare(labelled, preprocessing.plan, preprocessing.learned)

    def predicts_tables(self, model: SavedModel) -> bool:
        return True

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Every step after the first context, with the expected value, its score and its flag, 0 or 1.

        Raises: `GatewiseError` if no series is longer than the context.
        """
        preprocessing, network = load_preprocessing(Preprocessing, model), model.network
        assert isinstance(network, Detector)
        plan = preprocessing.plan
        labelled = longer_than_context(preprocessing.series(path), plan.context)
        labelled = labelled.warned(preprocessing.learned)
        source = labelled.source
        sizes = [len(series) for series in source.series]
        scaling = learn_scales(source, sizes, preprocessing.learned)
        windows = cut(labelled, scaling, plan, [(0, size) for size in sizes])
        scores = score_windows(network, windows)
        flags, names, frames = flagged(network, scores), source.columns, []
        for series, numbers in zip(source.series, series_windows(windows), strict=True):
            steps = windows.steps.numpy()[numbers]
            times = source.clock.restored(series.times.gather(steps))
            expected = scaling.series[series.id].undo(scores.location[numbers])
            first = {**names.id_cells(series.id, len(numbers)), names.time: times}
            values = {
                names.target: series.target[steps],
                "expected": expected,
                "score": scores.score[numbers],
            }
            frames.append(pl.DataFrame({**first, **values, LABEL: flags[numbers].astype(np.int64)}))
        rounded = cs.float() - cs.by_name(names.time)
        frame = pl.concat(frames).with_columns(rounded.round_sig_figs(7))
        about = (
            f"{int(flags.sum())} of {frame.height} steps are flagged, with a score above "
            f"{float(network.threshold):.4g}; the first {plan.context} steps of a series are context"
        )
        written = source.clock.written(frame[names.time])
        return Prediction(frame, about, time_format=written, warnings=source.warnings)

    def deployed(self, model: SavedModel) -> DeployedDetector:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A step of the test set: its context, the expected band and its value."""
        assert isinstance(model.network, Detector)
        return inspect_step(model.network, self.load_for_evaluation(model, path), number)

    def details(self, predictions: Detections, data: AnomalyData) -> list[Details]:
        return event_table(predictions, data)

    def caption(self, data: AnomalyData) -> str:
        rate = f"{data.plan.false_alarm_rate:.3g}"
        events = "an event is a run of labelled steps, detected where one is flagged; " * data.has_events
        return (
            f"* a baseline; {events}false alarms: normal steps that are flagged, set to {rate} on the "
            "validation set; residuals and NLL in standard deviations of the series"
        )

    def draw(self, comparison: Comparison[AnomalyData, Detections]) -> list[Plot]:
        chosen = comparison.chosen_network
        figure = draw_anomalies(chosen.predictions, chosen.name, comparison.data)
        return [Plot("anomalies", "a stretch of the test set, with scores and flags", figure)]


def shape_of(data: AnomalyData) -> DetectorShape:
    """The sizes of a detection problem, from its data."""
    known, inputs = data.test.known, data.test.view.shape[1]
    plan, irregular = data.plan, data.source.step.is_irregular
    return DetectorShape(plan.context, plan.period, known, inputs - 1 - known, irregular)


TASK = DetectAnomalies()
