"""Regression of sequences: one or several numbers for each."""

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
from gatewise.data.memory.arrays import Layout, write_sequences
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.splits import Fractions
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline, Network
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.regress.baselines import Mean, Nearest, RocketRidge, SummaryRidge
from gatewise.tasks.regress.data import (
    Preprocessing,
    RegressData,
    read_data,
)
from gatewise.tasks.regress.deploy import DeployedRegressor
from gatewise.tasks.regress.inspect import inspect_targets
from gatewise.tasks.regress.metrics import (
    MAE,
    R2,
    RMSE,
    TargetPredictions,
    error_table,
    score,
    target_table,
)
from gatewise.tasks.regress.network import SequenceRegressor
from gatewise.tasks.regress.options import RegressOptions
from gatewise.tasks.regress.plots import draw_predicted
from gatewise.tasks.regress.regressor import Regressor, predict_scaled
from gatewise.tasks.regress.stepwise import stepwise
from gatewise.tasks.sequences import SequenceTask, table_of_sequences
from gatewise.tasks.serialization import SavedModel


class Regress(SequenceTask[RegressData, RegressOptions, Regressor, TargetPredictions]):
    """Predicts numbers from sequences; compared with ridge regression on features of the sequence."""

    name = "regress"
    about = "Predict a number, or several, from a sequence."
    data_help = "a CSV or Parquet file with a row for each step or sequence, or a .ts, .npz or .npy file"
    options = RegressOptions
    metrics = (R2, RMSE, MAE)
    selection_metric = RMSE
    next_command = "gatewise predict {run} {data} --out numbers.csv"
    predicts_numbers = True

    def applicable_metrics(self, data: RegressData) -> tuple[Metric, ...]:
        """All metrics; without R2 if a target is constant in the test set."""
        targets = data.test.table.targets
        assert targets is not None
        varies = len(data.test) > 1 and bool(np.ptp(targets[data.test.numbers], axis=0).all())
        return self.metrics if varies else (RMSE, MAE)

    def write_arrays(
        self, arrays: object, y: object, folder: Path, layout: Layout, **annotations: Any
    ) -> tuple[Path, dict[str, Any]]:
        return write_sequences(arrays, None, folder, layout, targets=y, **annotations)

    def read(self, path: Path, options: RegressOptions) -> RegressData:
        return read_data(path, options)

    def network(self, data: RegressData, options: RegressOptions, cell: CellType) -> SequenceRegressor:
        return SequenceRegressor(
            cell=cell,
            channels=len(data.preprocessing.scales),
            targets=len(data.preprocessing.targets),
            hidden=options.hidden,
            layers=options.layers,
            heads=options.heads,
            dropout=options.dropout,
            bidirectional=options.bidirectional,
            pooling=options.pooling,
            loss=options.loss,
            gaps=data.preprocessing.gaps,
            decay=is_decaying(cell),
        )

    def baselines(self, data: RegressData, options: RegressOptions) -> Mapping[str, Callable[[], Baseline]]:
        channels, targets = len(data.preprocessing.scales), len(data.preprocessing.targets)
        return {
            "mean": partial(Mean, targets),
            "ridge": partial(SummaryRidge, channels, targets),
            "nearest": partial(Nearest, channels, targets),
            "minirocket": partial(RocketRidge, channels, targets, int(data.train.sizes.max())),
        }

    def predictions(self, network: Regressor, data: RegressData, split: TargetSequences) -> TargetPredictions:
        assert split.table.targets is not None
        predicted = data.preprocessing.in_data_units(predict_scaled(network, split))
        return TargetPredictions(network, split, predicted, split.table.targets[split.numbers])

    def score(self, predictions: TargetPredictions, data: RegressData) -> dict[str, float]:
        return score(predictions, data.error_units)

    def preprocessing(self, data: RegressData, options: RegressOptions) -> dict[str, Any]:
        return asdict(data.preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> RegressData:
        return RegressData.to_evaluate(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: RegressOptions) -> RegressData:
        preprocessing = load_preprocessing(Preprocessing, model)
        fractions = Fractions(options.validation_fraction, options.test_fraction)
        return RegressData.to_train_further(path, preprocessing, options, fractions)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The targets of each sequence."""
        preprocessing = load_preprocessing(Preprocessing, model)
        sequences = preprocessing.sequences(path)
        predicted = preprocessing.in_data_units(predict_scaled(_require_regressor(model.network), sequences))
        columns = {name: pl.Series(predicted[:, number]) for number, name in enumerate(preprocessing.targets)}
        frame = table_of_sequences(sequences.table, preprocessing.columns, columns)
        about = f"{', '.join(preprocessing.targets)} of {len(sequences)} sequences"
        text_column = preprocessing.targets[0] if len(preprocessing.targets) == 1 else None
        return Prediction(frame.with_columns(cs.float().round_sig_figs(7)), about, text_column)

    def predicts_tables(self, model: SavedModel) -> bool:
        return len(load_preprocessing(Preprocessing, model).targets) > 1

    def deployed(self, model: SavedModel) -> DeployedRegressor:
        return DeployedRegressor(_require_regressor(model.network), load_preprocessing(Preprocessing, model))

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_targets(
            _require_regressor(model.network), self.load_for_evaluation(model, path), number
        )

    def details(self, predictions: TargetPredictions, data: RegressData) -> list[Details]:
        """The scores of each target, if there are several, and the sequences with the largest errors."""
        names = data.preprocessing.targets
        deviations = np.array([one.deviation for one in data.preprocessing.target_scales])
        several = [target_table(predictions, names)] if len(names) > 1 else []
        return [*several, error_table(predictions, names, deviations)]

    def caption(self, data: RegressData) -> str:
        if len(data.preprocessing.targets) == 1:
            return f"* a baseline; RMSE and MAE in the unit of {data.preprocessing.targets[0]}"
        return (
            "* a baseline; means over the targets; RMSE and MAE in standard deviations of each target over "
            "the training set"
        )

    def draw(self, comparison: Comparison[RegressData, TargetPredictions]) -> list[Plot]:
        chosen = comparison.chosen_network
        figure = draw_predicted(chosen.predictions, chosen.name, comparison.data.preprocessing.targets)
        return [Plot("predicted", f"predictions of {chosen.name} against true values, test set", figure)]


def _require_regressor(network: Network) -> Regressor:
    """The network of a saved model, which must predict numbers."""
    assert isinstance(network, Regressor)
    return network


TASK = Regress()
