"""Functions that all classification tasks share: predictions, scores, tables and the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.images.class_folders import ClassFolders
from gatewise.data.memory.arrays import as_array
from gatewise.data.splits import Fractions, Split
from gatewise.metrics.classes import class_scores, confusion
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.classifier import Classifier, predict_probabilities
from gatewise.modules.network import Network
from gatewise.plots.confusion import draw_confusion
from gatewise.plots.highest_loss import draw_highest_loss, highest_loss
from gatewise.plots.plot import Plot
from gatewise.tasks.base import OptionsT, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.predictions import Predictions

CLASSES_SHOWN = 30


class ClassPreprocessing(Protocol):
    """How a model reads examples; the classes in the order of their numbers."""

    @property
    def classes(self) -> tuple[str, ...]: ...


Examples = TypeVar("Examples", covariant=True)  # with `labels`, the class number of each
Preprocessing = TypeVar("Preprocessing", bound=ClassPreprocessing, covariant=True)


@dataclass(frozen=True)
class ClassData(Generic[Examples, Preprocessing]):
    """Examples ready for classification, in three sets.

    preprocessing: how they were read; notes: on the data and their split
    folded: the training and validation sets together, with the fold of each; None without cross-validation
    """

    train: Examples
    validation: Examples
    test: Examples
    preprocessing: Preprocessing
    notes: tuple[str, ...]
    folded: Examples | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by number."""
        return self.preprocessing.classes


DataT = TypeVar("DataT", bound=ClassData[Any, Any])


@dataclass(frozen=True)
class ClassPredictions(Predictions[Classifier, Any]):
    """The class probabilities of every example of a split.

    probabilities: [N, K], for N examples and K classes
    """

    probabilities: Tensor

    @property
    def truth(self) -> Tensor:
        """[N]: the number of the true class of each example."""
        labels: Tensor = self.split.labels
        return labels

    def confusion(self) -> Tensor:
        """The confusion matrix [K, K]: true classes in rows, predicted classes in columns."""
        return confusion(self.probabilities, self.truth)


class ClassTask(Task[DataT, OptionsT, Classifier, ClassPredictions]):
    """A task that predicts the class of an example."""

    metrics = (
        Metric("accuracy", "accuracy", ".1%", higher_is_better=True),
        Metric("balanced_accuracy", "balanced", ".1%", higher_is_better=True),
        Metric("f1", "macro F1", ".1%", higher_is_better=True),
        Metric("auc", "macro AUC", ".3f", higher_is_better=True),
        Metric("cross_entropy", "cross-entropy"),
    )
    selection_metric = metrics[4]
    next_command = "gatewise predict {run} {data} --out classes.csv"
    predicts_classes = True

    def distinct_labels(self, y: object) -> tuple[Any, ...]:
        return tuple(np.unique(as_array(y)).tolist())

    def applicable_metrics(self, data: DataT) -> tuple[Metric, ...]:
        """All metrics; without the AUC if the test set has one class only."""
        several = len(data.test.labels.unique()) > 1
        return tuple(one for one in self.metrics if several or one.name != "auc")

    def predictions(self, network: Classifier, data: DataT, split: Any) -> ClassPredictions:
        return ClassPredictions(network, split, predict_probabilities(network, split))

    def score(self, predictions: ClassPredictions, data: DataT) -> dict[str, float]:
        return class_scores(predictions.probabilities, predictions.truth)

    def caption(self, data: DataT) -> str:
        return (
            "* a baseline; balanced accuracy, F1 and AUC are means over the classes; cross-entropy in nats, "
            "lower is better"
        )

    def details(self, predictions: ClassPredictions, data: DataT) -> list[Details]:
        """The recall, precision and F1 of each class, and the class it is most often mistaken for."""
        matrix = predictions.confusion()
        rows = [_row(matrix, number, data.classes) for number in range(len(data.classes))]
        title = "the classes of the test set"
        if len(rows) > CLASSES_SHOWN:
            f1 = 2 * matrix.diagonal() / (matrix.sum(0) + matrix.sum(1)).clamp(min=1)
            worst = f1.where(matrix.sum(1) > 0, 1.0).argsort(stable=True)[:CLASSES_SHOWN].sort().values
            rows = [rows[number] for number in worst.tolist()]
            title = f"the {CLASSES_SHOWN} of {len(data.classes)} classes with the lowest F1 on the test set"
        header = ("class", "examples", "recall", "precision", "F1", "most often mistaken for")
        return [Details(title, header, tuple(rows))]

    def draw(self, comparison: Comparison[DataT, ClassPredictions]) -> list[Plot]:
        name, predictions = comparison.chosen_network.name, comparison.chosen_network.predictions
        figure = draw_confusion(predictions.confusion().numpy(), comparison.data.classes, name)
        return [Plot("confusion", f"the confusion matrix of {name} on the test set", figure)]


def plot_highest_loss(
    comparison: Comparison[ClassData[Any, Any], ClassPredictions],
    unit: str,
    count: int,
    frames: Callable[[int], Sequence[np.ndarray]],
) -> Plot:
    """Draws the examples of the test set on which the chosen network has the highest loss.

    Args:
        comparison: a comparison of classifiers
        unit: a plural noun for the examples
        count: the maximum number of examples
        frames: maps the number of an example to its images
    """
    name, predictions = comparison.chosen_network.name, comparison.chosen_network.predictions
    examples = highest_loss(
        predictions.probabilities, predictions.truth, comparison.data.classes, frames, count
    )
    about = f"the {unit} of the test set on which {name} has the highest loss"
    return Plot("highest-loss", about, draw_highest_loss(examples, name))


def require_classifier(network: Network) -> Classifier:
    """The network of a saved model, which must be a classifier."""
    assert isinstance(network, Classifier)
    return network


def held_out_examples(
    folders: ClassFolders, fractions: Fractions, is_training_data: bool, unit: str
) -> tuple[list[int], str]:
    """Selects the examples to evaluate a model on: the test set, or all of other data without one.

    Args:
        folders: the examples
        fractions: the fractions of the sets in training
        is_training_data: whether the model was trained on these data
        unit: a plural noun for the examples

    Returns:
        the numbers of the examples, and a note
    """
    if is_training_data:
        numbers = folders.split(fractions).test
        return numbers, f"the test set is {len(numbers):,} {unit} that the model has not seen"
    numbers = [number for number, name in enumerate(folders.sets) if name == "test"]
    numbers = numbers or list(range(len(folders.labels)))
    return numbers, f"the test set is {len(numbers):,} {unit}"


def describe_split(folders: ClassFolders, split: Split, unit: str) -> str:
    """The sizes of the training, validation and test sets, and how they were drawn."""
    train, validation, test = (f"{len(numbers):,}" for numbers in split)
    sizes = f"training set {train}, validation set {validation}, test set {test} {unit}"
    return f"{sizes}: {folders.describe_split()}"


def describe_prediction(network: Classifier, batch: Any, classes: tuple[str, ...]) -> str:
    """Describes the predicted and the true class of a batch of one example."""
    with torch.inference_mode():
        probabilities = network.logits(batch)[0].softmax(-1)
    predicted, true = int(probabilities.argmax()), classes[int(batch.labels[0])]
    return f"class {classes[predicted]} (probability {float(probabilities[predicted]):.1%}); true: {true}"


def class_columns(network: Classifier, dataset: Any, classes: tuple[str, ...]) -> dict[str, pl.Series]:
    """The columns of a prediction: the predicted class, and the probability of each class."""
    probabilities = predict_probabilities(network, dataset)
    labels = pl.Series([classes[number] for number in probabilities.argmax(1).tolist()])
    columns = {
        f"p({name})": pl.Series(probabilities[:, number].numpy()) for number, name in enumerate(classes)
    }
    return {"label": labels, **columns}


def _row(matrix: Tensor, number: int, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The table row of a class, from the confusion matrix [K, K]."""
    true, predicted = int(matrix[number].sum()), int(matrix[:, number].sum())
    correct = int(matrix[number, number])
    recall, precision = (f"{correct / total:.1%}" if total else "" for total in (true, predicted))
    f1 = f"{2 * correct / (true + predicted):.1%}" if true + predicted else ""
    mistakes = matrix[number].clone()
    mistakes[number] = 0
    mistaken = f"{classes[int(mistakes.argmax())]} ({int(mistakes.max())})" if mistakes.any() else ""
    return classes[number], str(true), recall, precision, f1, mistaken
