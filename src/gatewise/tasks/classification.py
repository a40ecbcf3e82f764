"""What tasks that tell classes have in common: scores, a table for each class, the confusion matrix."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import polars as pl
import torch

from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.classifier import Classifier, class_scores, confusion, probabilities
from gatewise.plots.confusion import draw_confusion
from gatewise.plots.plot import Plot
from gatewise.tasks.base import Task, TaskData
from gatewise.tasks.comparison import Comparison

CLASSES_SHOWN = 30


class ClassData(TaskData, Protocol):
    """Data with classes; every part has `labels`, the numbers of the classes of its examples."""

    @property
    def classes(self) -> tuple[str, ...]: ...


Data = TypeVar("Data", bound=ClassData)


class ClassTask(Task[Data]):
    """A task that tells of which class an example is."""

    metrics = (
        Metric("accuracy", "accuracy", ".1%", higher=True),
        Metric("f1", "macro F1", ".1%", higher=True),
        Metric("cross_entropy", "cross-entropy"),
    )
    chosen_by = metrics[2]
    next_step = "gatewise predict {run} {data} --out classes.csv"

    def score(self, network: Classifier, data: Data, part: Any) -> dict[str, float]:
        return class_scores(probabilities(network, part), part.labels)

    def caption(self, data: Data) -> str:
        return "* a baseline; macro F1: the mean over the classes; cross-entropy in nats, lower is better"

    def details(self, network: Classifier, data: Data) -> list[Details]:
        """Each class: its recall and precision, and what it is mostly taken for."""
        table = confusion(probabilities(network, data.test), data.test.labels)
        rows = [_row(table, number, data.classes) for number in range(len(data.classes))]
        title = "the classes of the test part"
        if len(rows) > CLASSES_SHOWN:
            f1 = 2 * table.diagonal() / (table.sum(0) + table.sum(1)).clamp(min=1)
            worst = f1.where(table.sum(1) > 0, 1.0).argsort(stable=True)[:CLASSES_SHOWN].sort().values
            rows = [rows[number] for number in worst.tolist()]
            title = f"the {CLASSES_SHOWN} of {len(data.classes)} classes with the lowest F1 on the test part"
        header = ("class", "examples", "recall", "precision", "F1", "mostly taken for")
        return [Details(title, header, tuple(rows))]

    def draw(self, comparison: Comparison[Data]) -> list[Plot]:
        chosen = comparison.chosen(baseline=False)
        assert chosen is not None
        data = comparison.data
        assert isinstance(chosen.network, Classifier)
        table = confusion(probabilities(chosen.network, data.test), data.test.labels)
        figure = draw_confusion(table.numpy(), data.classes, chosen.name)
        return [Plot("confusion", f"what {chosen.name} took each class of the test part for", figure)]


def describe_prediction(network: Any, batch: Any, classes: tuple[str, ...]) -> str:
    """What a classifier says of the one example of a batch, beside its true class."""
    with torch.inference_mode():
        chances = network.logits(batch)[0].softmax(-1)
    best, true = int(chances.argmax()), classes[int(batch.labels[0])]
    return f"class {classes[best]} (probability {float(chances[best]):.1%}); true: {true}"


def _row(table: torch.Tensor, number: int, classes: tuple[str, ...]) -> tuple[str, ...]:
    """A class in words, from the confusion matrix [K, K]."""
    count, told = int(table[number].sum()), int(table[:, number].sum())
    right = int(table[number, number])
    shares = [f"{right / one:.1%}" if one else "" for one in (count, told)]
    f1 = f"{2 * right / (count + told):.1%}" if count + told else ""
    wrong = table[number].clone()
    wrong[number] = 0
    taken = f"{classes[int(wrong.argmax())]} ({int(wrong.max())})" if wrong.any() else ""
    return classes[number], str(count), *shares, f1, taken


def class_columns(network: Classifier, dataset: Any, classes: tuple[str, ...]) -> dict[str, pl.Series]:
    """The columns of a prediction: the label of each example, and the probability of each class."""
    told = probabilities(network, dataset).double()
    labels = pl.Series([classes[number] for number in told.argmax(1).tolist()])
    around = {
        f"p({name})": pl.Series(told[:, number].numpy()).round(6) for number, name in enumerate(classes)
    }
    return {"label": labels, **around}
