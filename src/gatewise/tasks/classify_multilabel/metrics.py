"""The predicted labels of a split as a value, and their scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from gatewise.data.sequences.targets import TargetSequences
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.tasks.classify_multilabel.classifier import MultilabelClassifier
from gatewise.tasks.classify_multilabel.thresholds import HALF
from gatewise.tasks.predictions import Predictions

EXACT = Metric("exact_match", "exact match", ".1%", higher_is_better=True)
MACRO_F1 = Metric("f1", "macro F1", ".1%", higher_is_better=True)
MICRO_F1 = Metric("micro_f1", "micro F1", ".1%", higher_is_better=True)
HAMMING = Metric("hamming", "Hamming", ".3f")
MEAN_PRECISION = Metric("map", "mAP", ".3f", higher_is_better=True)
CROSS_ENTROPY = Metric("cross_entropy", "BCE")
LABELS_SHOWN = 30  # in a table or a plot


@dataclass(frozen=True)
class MultilabelPredictions(Predictions[MultilabelClassifier, TargetSequences]):
    """The probability of every label for every sequence of a split.

    probabilities: [N, L]; thresholds: [L], or one for all: a label is predicted from it on
    """

    probabilities: Tensor
    thresholds: Tensor = field(default_factory=partial(torch.tensor, HALF))

    @property
    def truth(self) -> Tensor:
        """[N, L]: 1 for the true labels, else 0."""
        return self.split.targets

    @property
    def predicted(self) -> Tensor:
        """[N, L]: 1 for the predicted labels, else 0."""
        return (self.probabilities >= self.thresholds).float()


@dataclass(frozen=True)
class LabelCounts:
    """Counts of each label over the sequences of a split, each [L]: true, predicted, and both."""

    true: Tensor
    predicted: Tensor
    correct: Tensor

    @classmethod
    def of(cls, predictions: MultilabelPredictions) -> LabelCounts:
        truth, predicted = predictions.truth.double(), predictions.predicted.double()
        return cls(truth.sum(0), predicted.sum(0), (truth * predicted).sum(0))

    @property
    def f1(self) -> Tensor:
        """[L]: `2 correct / (true + predicted)`; NaN for a label that is neither true nor predicted."""
        return 2 * self.correct / (self.true + self.predicted)


def score(predictions: MultilabelPredictions) -> dict[str, float]:
    """The scores of predicted labels.

    - f1: the mean of the F1 of the labels that occur or are predicted
    - micro_f1: the F1 of all labels of all sequences together; 1 if there are none and none is predicted
    - exact_match: the fraction of sequences whose labels are all right
    - hamming: the fraction of wrong labels, present or absent
    - map: the mean of the average precision of the labels that occur, see `average_precisions`; NaN if none
    - cross_entropy: the mean binary cross-entropy over labels and sequences, in nats

    >>> truth = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    >>> split = TargetSequences.__new__(TargetSequences)
    >>> split.targets = truth
    >>> scores = score(MultilabelPredictions(None, split, torch.tensor([[0.9, 0.2], [0.8, 0.4]])))
    >>> scores["f1"], round(scores["micro_f1"], 3), scores["exact_match"], scores["hamming"], scores["map"]
    (0.5, 0.8, 0.5, 0.25, 1.0)
    """
    truth, predicted = predictions.truth, predictions.predicted
    counts, wrong = LabelCounts.of(predictions), truth != predicted
    total = float((counts.true + counts.predicted).sum())
    precisions = average_precisions(predictions)
    likelihood = torch.where(truth > 0, predictions.probabilities, 1 - predictions.probabilities)
    return {
        "f1": float(counts.f1[~counts.f1.isnan()].mean()) if total else 1.0,
        "micro_f1": float(2 * counts.correct.sum() / total) if total else 1.0,
        "exact_match": float((~wrong.any(1)).float().mean()),
        "hamming": float(wrong.float().mean()),
        "map": float(precisions[~np.isnan(precisions)].mean()) if counts.true.any() else float("nan"),
        "cross_entropy": float(-likelihood.clamp(min=1e-12).log().double().mean()),
    }


def average_precisions(predictions: MultilabelPredictions) -> np.ndarray:
    """[L]: the average precision of each label, `sum (R_n - R_n-1) P_n` over falling probabilities.

    P and R are precision and recall (Manning, Raghavan and Schuetze 2008). It is NaN for a label that no
    sequence has. Logits are rounded, so that rounding errors of float32 do not order equal predictions.
    """
    from sklearn.metrics import average_precision_score

    logits = predictions.probabilities.double().logit(eps=1e-12).round(decimals=4)
    columns = zip(predictions.truth.T.numpy(), logits.T.numpy(), strict=True)
    return np.array(
        [average_precision_score(truth, one) if truth.any() else np.nan for truth, one in columns]
    )


def label_table(predictions: MultilabelPredictions, names: tuple[str, ...]) -> Details:
    """The threshold of each label, if it has one, its recall, precision, F1 and average precision."""
    counts, precisions = LabelCounts.of(predictions), average_precisions(predictions)
    shown, title = list(range(len(names))), "the labels of the test set"
    if len(names) > LABELS_SHOWN:
        shown = lowest(counts.f1, LABELS_SHOWN)
        title = f"the {LABELS_SHOWN} of {len(names)} labels with the lowest F1 on the test set"
    rows, thresholds = [], predictions.thresholds.tolist() if predictions.thresholds.ndim else []
    for number in shown:
        true, predicted = int(counts.true[number]), int(counts.predicted[number])
        correct = int(counts.correct[number])
        recall, precision = (f"{correct / total:.1%}" if total else "" for total in (true, predicted))
        f1 = f"{2 * correct / (true + predicted):.1%}" if true + predicted else ""
        area = "" if np.isnan(precisions[number]) else f"{precisions[number]:.3f}"
        own = [f"{one:.3f}" for one in thresholds[number : number + 1]]
        rows.append((names[number], str(true), str(predicted), recall, precision, f1, area, *own))
    header = ("label", "sequences", "predicted", "recall", "precision", "F1", "average precision")
    return Details(title, (*header, "threshold") if thresholds else header, tuple(rows))


def lowest(values: Tensor, count: int) -> list[int]:
    """The places of the lowest values in ascending order; NaN counts as the highest.

    >>> lowest(torch.tensor([0.5, float("nan"), 0.1, 0.9]), 2)
    [0, 2]
    """
    found: list[int] = values.nan_to_num(torch.inf).argsort(stable=True)[:count].sort().values.tolist()
    return found
