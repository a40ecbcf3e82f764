"""Classification of sequences that have any number of labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.cells.base import CellType
from gatewise.data.memory.arrays import Layout, write_sequences
from gatewise.data.memory.label_sets import distinct_labels, is_label_sets, label_columns
from gatewise.data.sequences.array_files import has_label_columns
from gatewise.data.sequences.augmentation import AugmentedTargets
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.tables.table import column_names
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline, Network
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.classify_multilabel.baselines import (
    LabelFrequencies,
    MostFrequentLabels,
    MultilabelRocket,
    NearestLabels,
)
from gatewise.tasks.classify_multilabel.classifier import MultilabelClassifier, predict_probabilities
from gatewise.tasks.classify_multilabel.data import (
    MultilabelData,
    Preprocessing,
    read_data,
    read_further_data,
)
from gatewise.tasks.classify_multilabel.deploy import DeployedMultilabel
from gatewise.tasks.classify_multilabel.inspect import inspect_labels
from gatewise.tasks.classify_multilabel.metrics import (
    CROSS_ENTROPY,
    EXACT,
    HAMMING,
    MACRO_F1,
    MEAN_PRECISION,
    MICRO_F1,
    MultilabelPredictions,
    label_table,
    score,
)
from gatewise.tasks.classify_multilabel.network import (
    HybridMultilabelClassifier,
    MultilabelEnsemble,
    SequenceMultilabelClassifier,
    calibrate,
    recurrent_network,
)
from gatewise.tasks.classify_multilabel.options import MultilabelOptions
from gatewise.tasks.classify_multilabel.plots import draw_labels
from gatewise.tasks.classify_multilabel.stepwise import stepwise
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.sequence_classifiers import check_options, display_name, network_arguments, refuse_folds
from gatewise.tasks.sequences import SequenceTask, are_no_images, table_of_sequences
from gatewise.tasks.serialization import SavedModel


class ClassifyMultilabel(
    SequenceTask[MultilabelData, MultilabelOptions, MultilabelClassifier, MultilabelPredictions]
):
    """Predicts any number of labels of a sequence; compared with their frequencies and ridge regression."""

    name = "classify-multilabel"
    about = "Predict any number of labels of a sequence."
    data_help = (
        "a table with a row for each step or sequence, and a column for each label or one of sets of labels"
    )
    options = MultilabelOptions
    metrics = (EXACT, MACRO_F1, MICRO_F1, HAMMING, MEAN_PRECISION, CROSS_ENTROPY)
    selection_metric = CROSS_ENTROPY
    next_command = "gatewise predict {run} {data} --out labels.csv"
    predicts_classes = predicts_sets = True

    def claims(self, data: Path | None, options: Mapping[str, Any], y: object = None) -> bool:
        if options.get("label_separator") is not None or is_label_sets(y):
            return True
        if data is not None and has_label_columns(data):
            return True
        names = options.get("label")
        if not isinstance(names, str):
            return bool(names)
        if "," in names and data is not None:
            with suppress(GatewiseError):
                return names not in column_names(data)
        return "," in names

    def are_sequences(self, data: object) -> bool:
        return are_no_images(data)

    def applicable_metrics(self, data: MultilabelData) -> tuple[Metric, ...]:
        """All metrics; without the mAP if no sequence of the test set has a label."""
        return tuple(one for one in self.metrics if one != MEAN_PRECISION or data.test.targets.any())

    def distinct_labels(self, y: object) -> tuple[Any, ...]:
        return distinct_labels(y)

    def write_arrays(
        self, arrays: object, y: object, folder: Path, layout: Layout, **annotations: Any
    ) -> tuple[Path, dict[str, Any]]:
        columns = None if y is None else label_columns(y)
        return write_sequences(arrays, None, folder, layout, label_columns=columns, **annotations)

    def read(self, path: Path, options: MultilabelOptions) -> MultilabelData:
        return read_data(path, options)

    def display_name(self, options: MultilabelOptions, cell: str) -> str:
        return display_name(options, cell)

    def check(self, options: MultilabelOptions, cell: CellType) -> None:
        super().check(options, cell)
        check_options(options)

    def network(
        self, data: MultilabelData, options: MultilabelOptions, cell: CellType
    ) -> MultilabelClassifier:
        channels, gaps = len(data.preprocessing.scales), data.preprocessing.gaps
        arguments = {
            **network_arguments(options, cell, data.folded, channels, gaps),
            "labels": len(data.classes),
            "label_smoothing": options.label_smoothing,
            "thresholds": options.thresholds,
        }
        if options.network == "hybrid":
            return HybridMultilabelClassifier(length=longest(data), **arguments)
        return recurrent_network(**arguments)

    def training_data(self, network: Network, data: MultilabelData) -> MultilabelData:
        """The data; for an ensemble over folds, both sets are all examples with their folds."""
        if data.folded is None or isinstance(network, Baseline):
            return data
        return replace(data, train=data.folded, validation=data.folded)

    def augmented(self, train: TargetSequences, options: MultilabelOptions) -> TargetSequences:
        return AugmentedTargets(train, options.augmentation) if options.augmentation else train

    def baselines(
        self, data: MultilabelData, options: MultilabelOptions
    ) -> Mapping[str, Callable[[], Baseline]]:
        channels, labels = len(data.preprocessing.scales), len(data.classes)
        return {
            "frequencies": partial(LabelFrequencies, labels, options.thresholds),
            "most-frequent": partial(MostFrequentLabels, labels),
            "nearest": partial(NearestLabels, channels, labels),
            "minirocket": partial(
                MultilabelRocket, channels, labels, longest(data), thresholds=options.thresholds
            ),
        }

    def finish(self, network: MultilabelClassifier, data: MultilabelData) -> None:
        if isinstance(network, HybridMultilabelClassifier):
            network.complete(data.train, data.validation)
        elif isinstance(network, SequenceMultilabelClassifier | MultilabelEnsemble):
            calibrate(network, data.validation)

    def predictions(
        self, network: MultilabelClassifier, data: MultilabelData, split: TargetSequences
    ) -> MultilabelPredictions:
        return MultilabelPredictions(
            network, split, predict_probabilities(network, split), network.thresholds
        )

    def score(self, predictions: MultilabelPredictions, data: MultilabelData) -> dict[str, float]:
        return score(predictions)

    def preprocessing(self, data: MultilabelData, options: MultilabelOptions) -> dict[str, Any]:
        return asdict(data.preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> MultilabelData:
        return MultilabelData.to_evaluate(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(
        self, model: SavedModel, path: Path, options: MultilabelOptions
    ) -> MultilabelData:
        refuse_folds(options)
        return read_further_data(path, load_preprocessing(Preprocessing, model), options)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The labels of each sequence, and the probability of each label."""
        preprocessing = load_preprocessing(Preprocessing, model)
        sequences = preprocessing.unlabelled(path)
        network = _require_multilabel(model.network)
        found = predict_probabilities(network, sequences)
        labels, text_column = _label_columns(preprocessing, (found >= network.thresholds).numpy())
        probabilities = found.numpy()
        columns = {
            **labels,
            **{
                f"p({name})": pl.Series(probabilities[:, number])
                for number, name in enumerate(preprocessing.classes)
            },
        }
        frame = table_of_sequences(sequences.table, preprocessing.columns, columns)
        about = f"the labels of {len(sequences)} sequences, with the probability of each label"
        return Prediction(frame, about, text_column)

    def predicts_tables(self, model: SavedModel) -> bool:
        return load_preprocessing(Preprocessing, model).has_label_columns

    def deployed(self, model: SavedModel) -> DeployedMultilabel:
        network = _require_multilabel(model.network)
        return DeployedMultilabel(network, load_preprocessing(Preprocessing, model))

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        network = _require_multilabel(model.network)
        return inspect_labels(network, self.load_for_evaluation(model, path), number)

    def details(self, predictions: MultilabelPredictions, data: MultilabelData) -> list[Details]:
        """The recall, precision, F1 and average precision of each label."""
        return [label_table(predictions, data.classes)]

    def caption(self, data: MultilabelData) -> str:
        return (
            "* a baseline; macro F1 and mAP are means over the labels; Hamming: the fraction of wrong "
            "labels; BCE: the binary cross-entropy in nats; both are better if lower"
        )

    def draw(self, comparison: Comparison[MultilabelData, MultilabelPredictions]) -> list[Plot]:
        chosen = comparison.chosen_network
        figure = draw_labels(chosen.predictions, chosen.name, comparison.data.classes)
        return [Plot("labels", f"average precision and F1 of each label by {chosen.name}, test set", figure)]


def longest(data: MultilabelData) -> int:
    """The length of the longest training sequence."""
    return int(data.train.sizes.max())


def _label_columns(preprocessing: Preprocessing, predicted: Any) -> tuple[dict[str, pl.Series], str | None]:
    """The predicted labels in the form of the data, and the column of their texts, if there is one.

    predicted: [N, L], whether each label is
    """
    columns, classes = preprocessing.columns, preprocessing.classes
    if columns is None or preprocessing.has_label_columns:
        flags = predicted.astype(int).T
        return {name: pl.Series(flags[number]) for number, name in enumerate(classes)}, None
    sets = [[name for name, one in zip(classes, row, strict=True) if one] for row in predicted]
    name = columns.targets[0]
    if columns.label_separator is None:
        return {name: pl.Series(sets, dtype=pl.List(pl.String))}, None
    return {name: pl.Series([columns.label_separator.join(one) for one in sets])}, name


def _require_multilabel(network: Network) -> MultilabelClassifier:
    """The network of a saved model, which must predict sets of labels."""
    assert isinstance(network, MultilabelClassifier)
    return network


TASK = ClassifyMultilabel()
