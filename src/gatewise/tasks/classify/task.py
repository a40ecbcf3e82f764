"""Classification of sequences: one class for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from gatewise.cells.base import CellType
from gatewise.data.sequences.augmentation import AugmentedSequences
from gatewise.data.sequences.sequences import Sequences
from gatewise.modules.classifier import Classifier, Majority
from gatewise.modules.network import Baseline, Network
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.modules.sequence_ensemble import SequenceEnsemble
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.classification import ClassPredictions, ClassTask, class_columns, require_classifier
from gatewise.tasks.classify.baselines import Logistic, Nearest, SummaryMLP
from gatewise.tasks.classify.data import (
    ClassifyData,
    Preprocessing,
    read_data,
    read_further_data,
    read_test_data,
)
from gatewise.tasks.classify.deploy import DeployedClassifier
from gatewise.tasks.classify.inspect import inspect_class
from gatewise.tasks.classify.minirocket import MiniRocket
from gatewise.tasks.classify.network import HybridClassifier, calibrate, recurrent_classifier
from gatewise.tasks.classify.options import ClassifyOptions
from gatewise.tasks.classify.stepwise import stepwise
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.sequence_classifiers import check_options, display_name, network_arguments, refuse_folds
from gatewise.tasks.sequences import SequenceTask, are_no_images, table_of_sequences
from gatewise.tasks.serialization import SavedModel


class Classify(
    SequenceTask[ClassifyData, ClassifyOptions, Classifier, ClassPredictions],
    ClassTask[ClassifyData, ClassifyOptions],
):
    """Classifies sequences; compared with models of summary statistics and the nearest sequence."""

    name = "classify"
    about = "Predict the class of a sequence."
    data_help = (
        "a CSV or Parquet file with a row for each step or each sequence, or a .ts, .arff, .npz or .npy file"
    )
    options = ClassifyOptions

    def are_sequences(self, data: object) -> bool:
        return are_no_images(data)

    def read(self, path: Path, options: ClassifyOptions) -> ClassifyData:
        return read_data(path, options)

    def display_name(self, options: ClassifyOptions, cell: str) -> str:
        return display_name(options, cell)

    def network(self, data: ClassifyData, options: ClassifyOptions, cell: CellType) -> Classifier:
        channels, gaps = len(data.preprocessing.scales), data.preprocessing.gaps
        arguments = {
            **network_arguments(options, cell, data.folded, channels, gaps),
            "classes": len(data.classes),
            "label_smoothing": options.label_smoothing,
        }
        if options.network == "hybrid":
            return HybridClassifier(length=longest(data), **arguments)
        return recurrent_classifier(**arguments)

    def check(self, options: ClassifyOptions, cell: CellType) -> None:
        super().check(options, cell)
        check_options(options)

    def training_data(self, network: Network, data: ClassifyData) -> ClassifyData:
        """The data; for an ensemble over folds, both sets are all examples with their folds."""
        if data.folded is None or not isinstance(network, SequenceEnsemble | HybridClassifier):
            return data
        return replace(data, train=data.folded, validation=data.folded)

    def augmented(self, train: Sequences, options: ClassifyOptions) -> Sequences:
        return AugmentedSequences(train, options.augmentation) if options.augmentation else train

    def finish(self, network: Classifier, data: ClassifyData) -> None:
        if isinstance(network, HybridClassifier):
            network.complete(data.train, data.validation)
        elif isinstance(network, SequenceClassifier | SequenceEnsemble):
            calibrate(network, data.validation)

    def baselines(self, data: ClassifyData, options: ClassifyOptions) -> Mapping[str, Callable[[], Baseline]]:
        channels, classes = len(data.preprocessing.scales), len(data.classes)
        return {
            "majority": partial(Majority, classes),
            "logistic": partial(Logistic, channels, classes),
            "nearest": partial(Nearest, channels, classes),
            "minirocket": partial(MiniRocket, channels, classes, longest(data)),
        }

    def trained_baselines(
        self, data: ClassifyData, options: ClassifyOptions
    ) -> Mapping[str, Callable[[], Network]]:
        return {"mlp": partial(SummaryMLP.standardized_on, data.train, len(data.classes))}

    def preprocessing(self, data: ClassifyData, options: ClassifyOptions) -> dict[str, Any]:
        return asdict(data.preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ClassifyData:
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: ClassifyOptions) -> ClassifyData:
        refuse_folds(options)
        return read_further_data(path, load_preprocessing(Preprocessing, model), options)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The class of each sequence, and the probability of each class."""
        preprocessing = load_preprocessing(Preprocessing, model)
        sequences = preprocessing.unlabelled(path)
        columns = class_columns(require_classifier(model.network), sequences, preprocessing.classes)
        frame = table_of_sequences(sequences.table, preprocessing.columns, columns)
        about = f"the classes of {len(sequences)} sequences, with their probabilities"
        return Prediction(frame, about, "label")

    def deployed(self, model: SavedModel) -> DeployedClassifier:
        return DeployedClassifier(require_classifier(model.network), load_preprocessing(Preprocessing, model))

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_class(require_classifier(model.network), self.load_for_evaluation(model, path), number)


def longest(data: ClassifyData) -> int:
    """The length of the longest training sequence."""
    return int(data.train.sizes.max())


TASK = Classify()
