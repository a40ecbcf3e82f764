"""Forecasting: what comes after the end of a series, with quantiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl
import polars.selectors as cs
import torch
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.cells.transforms import transform_of
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import is_column
from gatewise.data.series.scaled_table import Learned
from gatewise.data.series.series import SeriesSet, read_series
from gatewise.data.series.times import say, time_format
from gatewise.data.tables.columns import Columns, FoundColumns
from gatewise.errors import GatewiseError
from gatewise.metrics.metric import Metric
from gatewise.modules.heads import LEVELS, MEDIAN
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, Line, Track, channels, require_example
from gatewise.tasks.base import Prediction, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.forecast.baselines import BASELINES, PointForecast, WindowMLP
from gatewise.tasks.forecast.data import ForecastData, Plan, latest, prepare
from gatewise.tasks.forecast.decoder import EncoderDecoderForecastNetwork
from gatewise.tasks.forecast.forecaster import Forecaster, ForecastShape, HeadedForecaster
from gatewise.tasks.forecast.inspect import explain_forecast
from gatewise.tasks.forecast.metrics import foretell, score
from gatewise.tasks.forecast.network import ForecastNetwork, GridForecastNetwork, require_fit
from gatewise.tasks.forecast.plots import draw_forecast
from gatewise.tasks.options import Count, CountOrFound, Fraction, Options, StackOptions, TaskOptions
from gatewise.tasks.preprocessing import read_as
from gatewise.tasks.serialization import SavedModel

STACKS: dict[str, type[ForecastNetwork] | type[EncoderDecoderForecastNetwork]] = {
    "stack": ForecastNetwork,
    "encoder-decoder": EncoderDecoderForecastNetwork,
}
SHORT = {"none": "", "convolution": "conv-", "stack": "", "encoder-decoder": "decoder-", "grid": "grid-"}


class ForecastDataOptions(Options):
    """The data"""

    horizon: Count = Field(description="Steps to foretell.")
    time: str | None = Field(None, description="The column of times; recognised by its dates.")
    target: str | None = Field(None, description="The column to foretell.")
    id: str | None = Field(None, description="The column that tells many series apart.")
    known: tuple[str, ...] = Field((), description="Columns known in advance, with commas.")
    observed: tuple[str, ...] = Field((), description="Columns known up to the present, with commas.")
    fill: Literal["linear", "forward"] | None = Field(None, description="How to fill gaps, if at all.")
    time_format: str | None = Field(None, description="The form of the times, such as %d/%m/%Y.")
    context: CountOrFound = Field(0, description="Steps to look back on; 0 finds a number.")
    period: CountOrFound = Field(0, description="Steps after which the series repeats; 0 finds it.")
    validation_fraction: Fraction = Field(0.15, description="The part of each series to choose by.")
    test_fraction: Fraction = Field(0.15, description="The last part of each series, to test on.")


class ForecastNetworkOptions(StackOptions):
    """The network"""

    network: Literal["stack", "encoder-decoder", "grid"] = Field(
        "stack",
        description="Layers above each other; such layers to read the past and others to walk through the "
        "horizon; or a Grid LSTM with depth as an axis.",
    )
    front: Literal["none", "convolution"] = Field(
        "none", description="What the past goes through before the layers read it."
    )
    depth_weights: Literal["tied", "untied"] = Field(
        "tied", description="Of a grid: the same weights for all layers, or each its own."
    )
    head: Literal["quantiles", "student-t"] = Field("quantiles", description="What the network ends in.")


class ForecastOptions(TaskOptions, ForecastNetworkOptions, ForecastDataOptions):
    """The training"""


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads series."""

    plan: Plan
    learned: Learned
    columns: FoundColumns
    step: str
    fill: Literal["linear", "forward"] | None = None
    time_format: str | None = None

    def series(self, path: Path) -> SeriesSet:
        """A file's series, read as the training data were; their step must be the same."""
        source = read_series(path, self.columns, fill=self.fill, time_format=self.time_format)
        if str(source.step) != self.step:
            raise GatewiseError(
                f"the model was trained on steps of one {self.step}; {path} has steps of one {source.step}"
            )
        return source


class Forecast(Task[ForecastData]):
    """Foretells series, beside naive forecasts and ridge regression."""

    name = "forecast"
    about = "Foretell series."
    given = "a CSV or Parquet file of series"
    options = ForecastOptions
    metrics = (
        Metric("mase", "MASE"),
        Metric("smape", "sMAPE", ".1%"),
        Metric("rmse", "RMSE", ".4g"),
        Metric("pinball", "pinball", ".4g"),
        Metric("coverage", "coverage 80%", ".0%", higher=True),
    )
    chosen_by = metrics[3]
    next_step = "gatewise predict {run} {data} --out forecast.csv"

    def accepts(self, data: Any) -> bool:
        return super().accepts(data) or is_column(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        path, options = super().write(data, y, folder, layout)
        if not is_column(data):
            return path, options
        time, target = pl.read_parquet_schema(path)
        return path, {"time": time, "target": target}

    def cells(self, options: ForecastOptions) -> tuple[str, ...]:
        return ("rnn", "lstm", "gru") if options.network == "grid" else ("rnn", "lstm", "gru", "peephole")

    def check(self, options: ForecastOptions, cell: CellType) -> None:
        if options.network == "grid" and options.dropout:
            raise GatewiseError(
                f"dropout={options.dropout:g} acts between the layers of a stack; a grid has none"
            )
        if options.network != "grid" and options.depth_weights == "untied":
            raise GatewiseError("every layer of a stack has its own weights; leave --depth-weights to a grid")
        require_fit(cell, options.network)

    def display_name(self, options: ForecastOptions, cell: str) -> str:
        return f"{SHORT[options.front]}{SHORT[options.network]}{cell}"

    def read(self, path: Path, options: ForecastOptions) -> ForecastData:
        columns = Columns(options.time, options.target, options.id, options.known, options.observed)
        source = read_series(path, columns, fill=options.fill, time_format=options.time_format)
        plan = Plan(
            options.horizon,
            options.context,
            options.period,
            options.validation_fraction,
            options.test_fraction,
        )
        return prepare(source, plan)

    def network(self, data: ForecastData, options: ForecastOptions, cell: CellType) -> HeadedForecaster:
        shape, hidden, layers, ends = shape_of(data), options.hidden, options.layers, options.head
        if options.network == "grid":
            tied = options.depth_weights == "tied"
            return GridForecastNetwork(shape, transform_of(cell), hidden, layers, tied, ends, options.front)
        kind = STACKS[options.network]
        return kind(shape, cell, hidden, layers, options.dropout, ends, options.front)

    def baselines(
        self, data: ForecastData, options: ForecastOptions | None = None
    ) -> Mapping[str, Callable[[], PointForecast]]:
        repeats = 1 < data.plan.period <= data.plan.context
        return {
            name: partial(kind, shape_of(data))
            for name, kind in BASELINES.items()
            if repeats or name != "seasonal-naive"
        }

    def trained_baselines(
        self, data: ForecastData, options: ForecastOptions
    ) -> Mapping[str, Callable[[], WindowMLP]]:
        return {"mlp": partial(WindowMLP, shape_of(data))}

    def score(self, network: Forecaster, data: ForecastData, part: Any) -> dict[str, float]:
        return score(foretell(network, part), data, part)

    def finish(self, network: HeadedForecaster, data: ForecastData) -> None:
        network.calibrate(foretell(network, data.validation), data.validation.all().truth)

    def reading(self, data: ForecastData, options: ForecastOptions) -> dict[str, Any]:
        source = data.source
        return asdict(
            Preprocessing(
                data.plan, data.learned, source.columns, str(source.step), options.fill, options.time_format
            )
        )

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ForecastData:
        """A test part that the model has seen in training is refused, as its score would mean nothing."""
        reading = read_as(Preprocessing, model)
        source = reading.series(path)
        data = prepare(source, reading.plan, reading.learned)
        for series in source.series:
            start, seen = series.times[data.plan.borders(len(series))[1]], reading.learned.seen.get(series.id)
            # Dates as text are in the order of time; whole numbers are not.
            order: Callable[[str], Any] = int if series.times.dtype.is_integer() else str
            if seen is not None and order(say(start)) <= order(seen):
                raise GatewiseError(
                    f"the test part of series {series.id!r} begins at {say(start)}, and the model has seen "
                    f"it up to {seen}: give a file with later values"
                )
        return data

    def evaluation_baselines(self, data: ForecastData) -> Mapping[str, Callable[[], PointForecast]]:
        return self.baselines(data)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The steps beyond the end of each series, in the file's own columns: the target is the median.

        Errors: `GatewiseError` where a series is shorter than the model's context.
        """
        reading = read_as(Preprocessing, model)
        source = reading.series(path)
        batch, times, scales = latest(source, reading.plan, reading.learned)
        network = model.network
        assert isinstance(network, Forecaster)
        with torch.inference_mode():
            quantiles = network.quantiles(network(batch.past, batch.future)).double().numpy()
        frames = []
        for series, own_times, scale, values in zip(source.series, times, scales, quantiles, strict=True):
            quantile = {level: scale.undo(values[:, place]) for place, level in enumerate(LEVELS)}
            around = {f"q{level:g}": column for level, column in quantile.items() if level != 0.5}
            names = source.columns
            clock_times = source.clock.restored(own_times)
            first = {names.id or "series": [series.id] * len(own_times), names.time: clock_times}
            frames.append(pl.DataFrame({**first, names.target: quantile[0.5], **around}))
        frame = pl.concat(frames).with_columns(cs.float().round_sig_figs(7))
        rows = f"{frame.height} rows from {say(times[0][0])} to {say(times[-1][-1])}"
        about = f"{rows}; the median, and the quantiles 0.1 to 0.9"
        return Prediction(frame, about, times=source.clock.written(frame[:, 1]))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A window of the test part: the past that the model reads, the truth, and what it foretells."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test), "windows in the test part")
        batch, network = data.test.__getitems__([number]), model.network
        assert isinstance(network, Forecaster)
        series = data.source.series[int(batch.series)]
        scale, past = data.learned.series[series.id], data.plan.context
        with torch.inference_mode():
            quantiles = scale.undo(network.quantiles(network(batch.past, batch.future))[0].double().numpy())
        told = [(f"{LEVELS[place]:.0%} quantile", place) for place in (0, len(LEVELS) - 1)]
        target = (
            Line("given", scale.undo(batch.past[0, :, 0].double().numpy())),
            Line("true", scale.undo(batch.truth[0].double().numpy()), past),
            Line("median", quantiles[:, MEDIAN], past),
            *(Line(name, quantiles[:, place], past) for name, place in told),
        )
        names = [
            *(f"{part} of the {cycle}" for cycle in data.learned.cycles for part in ("sine", "cosine")),
            *(data.source.columns.known + data.source.columns.observed),
        ]
        first = int(data.test.starts[number]) - int(data.test.starts[data.test.series == batch.series][0])
        first += data.plan.borders(len(series))[1] - past
        own = series.times[max(first, 0) :][: past + data.plan.horizon]
        form = time_format(own)
        times = tuple(map(say, own if form is None else own.dt.to_string(form)))
        own_names = (data.source.columns.target, *names)
        return Example(
            batch, f"{series.id}, window {number} of the test part",
            (Track(data.source.columns.target, target), *channels(names, batch.past[0, :, 1:].numpy())),
            f"after {times[past - 1]} it foretells {quantiles[0, MEDIAN]:.6g} for {times[past]} "
            f"(true: {target[1].values[0]:.6g})",
            times, str(data.source.step),
            attribute=lambda _: explain_forecast(
                network, batch, scale, own_names, times[-1], str(data.source.step)
            ),
        )  # fmt: skip

    def caption(self, data: ForecastData) -> str:
        return (
            "* a baseline; coverage 80%: the fraction of values in the 80% interval; MASE: the error against "
            f"that of repeating the value of {data.plan.period} steps ago, in the training part"
        )

    def draw(self, comparison: Comparison[ForecastData]) -> list[Plot]:
        return [Plot("forecast", "the end of the series, foretold and true", draw_forecast(comparison))]


def shape_of(data: ForecastData) -> ForecastShape:
    """The sizes of a forecasting problem, from its data."""
    known = data.train.known
    observed = data.train.view.shape[1] - 1 - known
    return ForecastShape(data.plan.context, data.plan.horizon, data.plan.period, known, observed)


TASK = Forecast()
