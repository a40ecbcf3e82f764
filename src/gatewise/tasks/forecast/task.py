"""Forecasting: the values beyond the end of a series, with quantiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import is_decaying, refuse_decaying
from gatewise.cells.transforms import transform_of
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import is_column
from gatewise.data.series.series import read_series
from gatewise.data.series.series_set import SeriesSet
from gatewise.data.series.windows import Windows, WindowsWithUnseen
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.heads import HEADS
from gatewise.modules.levels import complete_levels
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.base import Retrain, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.forecast.backtest import Backtest
from gatewise.tasks.forecast.backtesting import (
    fitted_before,
    read_series_to_backtest,
    run_backtest,
    trained_again,
)
from gatewise.tasks.forecast.baselines import Naive, PointForecast, Ridge, SeasonalNaive, WindowMLP
from gatewise.tasks.forecast.coherence import coherence_after
from gatewise.tasks.forecast.data import (
    ForecastData,
    Preprocessing,
    all_data,
    prepare,
    read_further_data,
    read_test_data,
    shape_of,
)
from gatewise.tasks.forecast.decoder import EncoderDecoderForecastNetwork
from gatewise.tasks.forecast.deploy import DeployedForecast, deployed
from gatewise.tasks.forecast.details import describe_metrics, forecast_details
from gatewise.tasks.forecast.ensemble import ForecastEnsemble
from gatewise.tasks.forecast.forecaster import Forecaster, HeadedForecaster
from gatewise.tasks.forecast.inspect import inspect_forecast
from gatewise.tasks.forecast.metrics import (
    METRICS,
    Forecasts,
    applicable_metrics,
    forecast_windows,
    require_defined,
    score,
)
from gatewise.tasks.forecast.network import ForecastNetwork, GridForecastNetwork, require_fit
from gatewise.tasks.forecast.normalization import Normalization
from gatewise.tasks.forecast.options import ForecastOptions
from gatewise.tasks.forecast.origins import Candidate, Rolling
from gatewise.tasks.forecast.plan import DEFAULT_FRACTION, WindowPlan
from gatewise.tasks.forecast.plots import draw_forecast
from gatewise.tasks.forecast.prediction import predict_paths, predict_quantiles
from gatewise.tasks.forecast.selection import prepare_best
from gatewise.tasks.forecast.stepwise import stepwise
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

PREFIXES = {"none": "", "convolution": "conv-", "stack": "", "encoder-decoder": "decoder-", "grid": "grid-"}


class Forecast(Task[ForecastData, ForecastOptions, HeadedForecaster, Forecasts]):
    """Forecasts series, beside naive forecasts and ridge regression."""

    name = "forecast"
    about = "Forecast series."
    data_help = "a CSV, Parquet or .tsf file of series"
    options = ForecastOptions
    accepted_data = "a path, a table of pandas, polars or pyarrow, or numbers one step apart"
    stream_ending = ".csv"
    metrics = tuple(METRICS[name] for name in ("mase", "smape", "rmse", "pinball", "coverage"))
    selection_metric = METRICS["pinball"]
    forecasts = True
    tunable = frozenset({"metric", "refit"})
    next_command = "gatewise predict {run} {data} --out forecast.csv"

    def command_after(self, data: ForecastData) -> str:
        ahead = min(len(series.times) - len(series) for series in data.source.series)
        needs_future = bool(data.source.columns.known) and ahead < data.plan.horizon
        return f"{self.next_command}{' --known-from future.csv' * needs_future}"

    def applicable_metrics(self, data: ForecastData) -> tuple[Metric, ...]:
        others = [metric.name for metric in self.metrics if metric.name != data.metric]
        if len(others) == len(self.metrics):  # five fit into 80 columns
            others.remove("pinball")
        return applicable_metrics([data.metric, *others], data.plan.levels)

    def accepts(self, data: object) -> bool:
        return super().accepts(data) or is_column(data)

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
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
        if options.network == "grid" and options.heads > 1:
            raise GatewiseError(f"--heads {options.heads} is for the layers of a stack; a grid has none")
        if options.network != "grid" and options.depth_weights == "untied":
            raise GatewiseError(
                "every layer of a stack has its own parameters; --depth-weights is for a grid"
            )
        if options.dilations and (options.network != "stack" or options.layers > 1):
            raise GatewiseError("--dilations gives a layer for each number, of a stack; leave out --layers")
        if options.ensemble > 1 and options.network != "stack":
            raise GatewiseError(
                f"--ensemble {options.ensemble} is of stacks; leave out --network {options.network}"
            )
        if HEADS[options.head].support != "real" and (
            options.normalization != "auto" or options.log == "always"
        ):
            raise GatewiseError(
                f"--head {options.head} scales each window by its mean; leave out --normalization and --log"
            )
        if options.reconciliation == "bottom-up" and not options.hierarchy:
            raise GatewiseError(
                "--reconciliation bottom-up is for the forecasts of a hierarchy; give --hierarchy too"
            )
        if options.hierarchy and options.reconciliation == "mint" and HEADS[options.head].support != "real":
            raise GatewiseError(
                f"--head {options.head} has no negative forecasts, which minimum trace may have; give "
                "--reconciliation bottom-up"
            )
        require_fit(cell, options.network, bool(options.dilations), options.irregular)
        if not options.reads_gaps:
            refuse_decaying(cell)
        options.check_heads(cell)

    def display_name(self, options: ForecastOptions, cell: str) -> str:
        dilated = "dilated-" if options.dilations else ""
        return f"{PREFIXES[options.front]}{dilated}{PREFIXES[options.network]}{cell}"

    def read(self, path: Path, options: ForecastOptions) -> ForecastData:
        source = read_series(
            path,
            options.columns,
            fill=options.fill,
            season=options.period,
            time_format=options.time_format,
            time_zone=options.time_zone,
            irregular=options.irregular,
        )
        return self._prepared(source, options)

    def _prepared(self, source: SeriesSet, options: ForecastOptions) -> ForecastData:
        """The series, split, scaled and cut into windows as the options ask for."""
        plan = WindowPlan(
            horizon=options.horizon,
            context=options.context,
            period=options.period,
            fractions=Fractions(
                options.validation_fraction or DEFAULT_FRACTION, options.test_fraction or DEFAULT_FRACTION
            ),
            max_held_out=0 if options.validation_fraction is options.test_fraction is None else None,
            levels=complete_levels(options.levels),
            support=HEADS[options.head].support,
            refit=options.refit_linear,
        )
        data = self._scaled(source, plan, options)
        data = replace(data, metric=options.metric, reconciliation=options.reconciliation)
        require_defined(data)
        return data

    def _scaled(self, source: SeriesSet, plan: WindowPlan, options: ForecastOptions) -> ForecastData:
        if plan.support != "real":
            return prepare(source, replace(plan, normalization="mean"))
        logarithms = (False, True) if options.log == "auto" else (options.log == "always",)
        normalizations: tuple[Normalization, ...] = ("window", "series")
        if options.normalization != "auto":
            normalizations = (options.normalization,)
        return prepare_best(source, plan, logarithms, normalizations)

    def network(self, data: ForecastData, options: ForecastOptions, cell: CellType) -> HeadedForecaster:
        network = self._network(data, options, cell)
        network.initialize(data.train, data.validation, data.plan.refit)
        return network

    def _network(self, data: ForecastData, options: ForecastOptions, cell: CellType) -> HeadedForecaster:
        common: dict[str, Any] = {
            "shape": shape_of(data),
            "hidden": options.hidden,
            "layers": options.layers,
            "head": options.head,
            "front": options.front,
            "normalization": data.plan.normalization,
            "skip": options.skip,
            "levels": data.plan.levels,
            "dependence": True,
            "anchor": True,
        }
        if options.network == "grid":
            tied = options.depth_weights == "tied"
            return GridForecastNetwork(**common, transform=transform_of(cell), tied=tied)
        common |= {"cell": cell, "heads": options.heads, "dropout": options.dropout}
        if options.network == "encoder-decoder":
            return EncoderDecoderForecastNetwork(**common)
        common |= {"dilations": options.dilations, "decay": is_decaying(cell)}
        return (
            ForecastNetwork(**common)
            if options.ensemble == 1
            else ForecastEnsemble(options.ensemble, **common)
        )

    def baselines(
        self, data: ForecastData, options: ForecastOptions | None = None
    ) -> Mapping[str, Callable[[], PointForecast]]:
        shape, plan = shape_of(data), data.plan
        makers: dict[str, Callable[[], PointForecast]] = {
            "naive": partial(Naive, shape, plan.levels),
            "seasonal-naive": partial(SeasonalNaive, shape, plan.levels),
            "ridge": partial(Ridge, shape, plan.normalization, plan.levels, plan.refit),
        }
        if not 1 < plan.period <= plan.context:
            del makers["seasonal-naive"]
        return makers

    def trained_baselines(
        self, data: ForecastData, options: ForecastOptions
    ) -> Mapping[str, Callable[[], WindowMLP]]:
        plan = data.plan
        perceptron = partial(WindowMLP, shape_of(data), normalization=plan.normalization, levels=plan.levels)
        return {"mlp": perceptron}

    def augmented(self, train: Windows, options: ForecastOptions) -> Windows:
        return WindowsWithUnseen(train) if train.static and train.static.categories else train

    def predictions(self, network: Forecaster, data: ForecastData, split: Windows) -> Forecasts:
        coherence = None
        if data.source.columns.hierarchy and split is data.test:
            border = data.plan.borders(len(data.source.series[0]))[1]
            coherence = coherence_after(
                data.source, border, data.plan, data.learned, network, data.reconciliation
            )
        return Forecasts(network, split, data, coherence)

    def score(self, predictions: Forecasts, data: ForecastData) -> dict[str, float]:
        return score(predictions)

    def finish(self, network: HeadedForecaster, data: ForecastData) -> None:
        network.weigh_layers(data.validation)
        network.calibrate(forecast_windows(network, data.validation), data.validation.all().truth)

    def refit_data(self, data: ForecastData, options: ForecastOptions) -> ForecastData | None:
        return all_data(data) if options.refit else None

    def prepare_refit(self, network: HeadedForecaster, everything: ForecastData, is_new: bool) -> None:
        network.initialize_again(everything.train, is_new)

    def finish_refit(self, network: HeadedForecaster, scored: HeadedForecaster) -> None:
        network.calibrate_as(scored)

    def preprocessing(self, data: ForecastData, options: ForecastOptions) -> dict[str, Any]:
        preprocessing = Preprocessing(
            plan=data.plan,
            learned=data.learned,
            columns=data.source.columns,
            step=str(data.source.step),
            fill=options.fill,
            time_format=options.time_format,
            season=options.period,
            metric=options.metric,
            time_zone=options.time_zone,
            reconciliation=options.reconciliation,
        )
        return asdict(preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ForecastData:
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: ForecastOptions) -> ForecastData:
        data = read_further_data(path, load_preprocessing(Preprocessing, model), options.metric)
        require_defined(data)
        return data

    def prepare_fine_tuning(self, network: HeadedForecaster, data: ForecastData) -> None:
        network.reset(data.train, data.validation, data.plan.refit)

    def evaluation_baselines(self, data: ForecastData) -> Mapping[str, Callable[[], PointForecast]]:
        return self.baselines(data)

    def predicts_tables(self, model: SavedModel) -> bool:
        return True

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The steps beyond the end of each series, in the file's own columns: the target is the median.

        Raises: `GatewiseError` if a series is shorter than the model's context.
        """
        return self.predict_future(model, path)

    def stepwise(self, model: SavedModel) -> Stepwise:
        own = model.for_use
        return stepwise(own.network, load_preprocessing(Preprocessing, own))

    def predict_future(
        self,
        model: SavedModel,
        path: Path,
        samples: int | None = None,
        seed: int = 0,
        known_from: Path | None = None,
    ) -> Prediction:
        if samples is None:
            return predict_quantiles(model, path, known_from)
        return predict_paths(model, path, samples, seed, known_from)

    def deployed(self, model: SavedModel) -> DeployedForecast:
        return deployed(model)

    def backtest(
        self,
        model: SavedModel,
        path: Path,
        windows: int,
        step: int | None = None,
        train: Retrain[ForecastOptions, ForecastData, Forecasts] | None = None,
    ) -> Backtest:
        """Forecasts of the end of the data from rolling origins.

        windows, step: as in `Rolling`; by default, origins are a horizon apart
        train: trains again on what precedes an origin; None for the model as it is
        """
        preprocessing = load_preprocessing(Preprocessing, model)
        plan, network = preprocessing.plan, model.network
        assert isinstance(network, Forecaster)
        rolling = Rolling(windows, plan.horizon, step or plan.horizon)
        source = read_series_to_backtest(path, preprocessing, rolling)

        def fit(seen: SeriesSet) -> Candidate:
            if train is not None:
                return trained_again(train(lambda options: self._prepared(seen, options)))
            data = prepare(seen, plan, preprocessing.learned)
            data = replace(data, metric=preprocessing.metric, reconciliation=preprocessing.reconciliation)
            return fitted_before(model.name, network, data, self.baselines(data))

        seen = preprocessing.learned.seen
        return run_backtest(model.name, source, rolling, fit, refit=train is not None, seen=seen)

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        data = self.load_for_evaluation(model, path)
        assert isinstance(model.network, Forecaster)
        return inspect_forecast(self.predictions(model.network, data, data.test), number)

    def details(self, predictions: Forecasts, data: ForecastData) -> list[Details]:
        return forecast_details(predictions, data, self.applicable_metrics(data))

    def caption(self, data: ForecastData) -> str:
        return describe_metrics(data)

    def draw(self, comparison: Comparison[ForecastData, Forecasts]) -> list[Plot]:
        return [Plot("forecast", "the end of the series, true and forecast", draw_forecast(comparison))]


TASK = Forecast()
