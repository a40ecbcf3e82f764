"""What all classification tasks share: predictions, scores, a table of the classes, the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.classifier import Classifier, class_scores, confusion, predict_probabilities
from gatewise.plots.confusion import draw_confusion
from gatewise.plots.highest_loss import draw_highest_loss, highest_loss
from gatewise.plots.plot import Plot
from gatewise.tasks.base import Task, TaskData
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.predictions import Predictions

CLASSES_SHOWN = 30


class ClassData(TaskData, Protocol):
    """Data with classes; every split has `labels`, the class numbers of its examples."""

    @property
    def classes(self) -> tuple[str, ...]: ...


Data = TypeVar("Data", bound=ClassData)


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
        """[K, K]: how many examples of the class of a row were predicted as the class of a column."""
        return confusion(self.probabilities, self.truth)


class ClassTask(Task[Data]):
    """A task that predicts the class of an example."""

    metrics = (
        Metric("accuracy", "accuracy", ".1%", higher_is_better=True),
        Metric("f1", "macro F1", ".1%", higher_is_better=True),
        Metric("cross_entropy", "cross-entropy"),
    )
    chosen_by = metrics[2]
    next_step = "gatewise predict {run} {data} --out classes.csv"

    def predictions(self, network: Classifier, data: Data, split: Any) -> ClassPredictions:
        return ClassPredictions(network, split, predict_probabilities(network, split))

    def score(self, predictions: ClassPredictions, data: Data) -> dict[str, float]:
        return class_scores(predictions.probabilities, predictions.truth)

    def caption(self, data: Data) -> str:
        return "* a baseline; macro F1: the mean over the classes; cross-entropy in nats, lower is better"

    def details(self, predictions: ClassPredictions, data: Data) -> list[Details]:
        """Each class: its recall and precision, and the class it is most often mistaken for."""
        table = predictions.confusion()
        rows = [_row(table, number, data.classes) for number in range(len(data.classes))]
        title = "the classes of the test set"
        if len(rows) > CLASSES_SHOWN:
            f1 = 2 * table.diagonal() / (table.sum(0) + table.sum(1)).clamp(min=1)
            worst = f1.where(table.sum(1) > 0, 1.0).argsort(stable=True)[:CLASSES_SHOWN].sort().values
            rows = [rows[number] for number in worst.tolist()]
            title = f"the {CLASSES_SHOWN} of {len(data.classes)} classes with the lowest F1 on the test set"
        header = ("class", "examples", "recall", "precision", "F1", "most often mistaken for")
        return [Details(title, header, tuple(rows))]

    def draw(self, comparison: Comparison[Data]) -> list[Plot]:
        name, predictions = chosen_predictions(comparison)
        figure = draw_confusion(predictions.confusion().numpy(), comparison.data.classes, name)
        return [Plot("confusion", f"the confusion matrix of {name} on the test set", figure)]


def chosen_predictions(comparison: Comparison[Any]) -> tuple[str, ClassPredictions]:
    """The chosen network's name and its predictions for the test set."""
    chosen = comparison.chosen(baseline=False)
    assert chosen is not None
    assert isinstance(chosen.predictions, ClassPredictions)
    return chosen.name, chosen.predictions


def plot_highest_loss(
    comparison: Comparison[Any], kind: str, most: int, frames: Callable[[int], Sequence[np.ndarray]]
) -> Plot:
    """The examples of the test set to whose true class the chosen network gives the lowest probability.

    kind: of example, in the plural; most: how many are drawn; frames: example number -> its images
    """
    name, predictions = chosen_predictions(comparison)
    found = highest_loss(predictions.probabilities, predictions.truth, comparison.data.classes, frames, most)
    about = f"the {kind} of the test set on which {name} has the highest loss"
    return Plot("highest-loss", about, draw_highest_loss(found, name))


def describe_prediction(network: Any, batch: Any, classes: tuple[str, ...]) -> str:
    """The class predicted for the one example of a batch, and its true class, in words."""
    with torch.inference_mode():
        probabilities = network.logits(batch)[0].softmax(-1)
    best, true = int(probabilities.argmax()), classes[int(batch.labels[0])]
    return f"class {classes[best]} (probability {float(probabilities[best]):.1%}); true: {true}"


def class_columns(network: Classifier, dataset: Any, classes: tuple[str, ...]) -> dict[str, pl.Series]:
    """The columns of a prediction: the label of each example, and the probability of each class."""
    probabilities = predict_probabilities(network, dataset).double()
    labels = pl.Series([classes[number] for number in probabilities.argmax(1).tolist()])
    columns = {
        f"p({name})": pl.Series(probabilities[:, number].numpy()).round(6)
        for number, name in enumerate(classes)
    }
    return {"label": labels, **columns}


def _row(table: Tensor, number: int, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The table row of a class, from the confusion matrix [K, K]."""
    true, predicted = int(table[number].sum()), int(table[:, number].sum())
    correct = int(table[number, number])
    recall, precision = (f"{correct / one:.1%}" if one else "" for one in (true, predicted))
    f1 = f"{2 * correct / (true + predicted):.1%}" if true + predicted else ""
    wrong = table[number].clone()
    wrong[number] = 0
    mistaken = f"{classes[int(wrong.argmax())]} ({int(wrong.max())})" if wrong.any() else ""
    return classes[number], str(true), recall, precision, f1, mistaken
