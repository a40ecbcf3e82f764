"""Predicted labels of a split, their scores by step and by span, and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gatewise.data.batching import even_batches
from gatewise.data.labels.channel_steps import ChannelSteps
from gatewise.data.labels.labelled import LabelledSteps, Steps
from gatewise.data.labels.spans import find_spans
from gatewise.data.labels.token_steps import NO_LABEL, TokenSteps
from gatewise.metrics.counts import Counts, exact_match, macro_f1, micro_f1
from gatewise.metrics.details import Details
from gatewise.modules.finite import require_no_nan
from gatewise.tasks.label.network import Labeller
from gatewise.tasks.predictions import Predictions

LABELS_SHOWN, MISTAKES_SHOWN, TOKENS_AROUND = 30, 8, 4


@dataclass(frozen=True)
class LabelPredictions(Predictions[Labeller, Steps]):
    """The predicted label of every step of a split.

    labels: [T] label numbers for each sequence; probabilities: [T], of these labels
    """

    labels: list[np.ndarray]
    probabilities: list[np.ndarray]


@torch.inference_mode()
def predict_labels(network: Labeller, split: Steps) -> LabelPredictions:
    """Predicts the most likely label of each step, and its probability."""
    network.eval()
    labels: list[np.ndarray] = [np.empty(0, np.int64)] * len(split)
    probabilities: list[np.ndarray] = [np.empty(0, np.float32)] * len(split)
    for rows in even_batches(split.sizes):
        batch = split.__getitems__(rows)
        probability, predicted = network(batch).softmax(-1).max(-1)
        for index, (row, length) in enumerate(zip(rows, batch.lengths.tolist(), strict=True)):
            labels[row], probabilities[row] = (
                predicted[index, :length].numpy(),
                probability[index, :length].numpy(),
            )
    require_no_nan(np.concatenate([np.empty(0), *probabilities]), "the probabilities of labels")
    return LabelPredictions(network, split, labels, probabilities)


def score(predictions: LabelPredictions, data: LabelledSteps) -> dict[str, float]:
    """Accuracy over steps, macro F1 over labels, F1 over spans, and the fraction of exact sequences."""
    truth = data.truth(predictions.split)
    true_names, predicted_names = data.names(truth), data.names(predictions.labels)
    counts = by_label(confusion(truth, predictions.labels, len(data.labels)))
    return {
        "accuracy": accuracy(truth, predictions.labels),
        "macro_f1": macro_f1(counts),
        "span_f1": micro_f1(by_span(true_names, predicted_names, data.has_span_tags).values()),
        "exact": exact_match(true_names, predicted_names),
    }


def accuracy(truth: Sequence[np.ndarray], predicted: Sequence[np.ndarray]) -> float:
    """The fraction of labelled steps whose predicted label is correct."""
    true, prediction = _labelled(truth, predicted)
    return float((true == prediction).mean()) if len(true) else 0.0


def confusion(truth: Sequence[np.ndarray], predicted: Sequence[np.ndarray], labels: int) -> np.ndarray:
    """The confusion matrix of steps [K, K]: true labels in rows, predicted labels in columns."""
    true, prediction = _labelled(truth, predicted)
    return np.bincount(true * labels + prediction, minlength=labels * labels).reshape(labels, labels)


def by_label(matrix: np.ndarray) -> list[Counts]:
    """The steps of each label, from a confusion matrix [K, K]."""
    return [
        Counts(
            true=int(matrix[label].sum()),
            predicted=int(matrix[:, label].sum()),
            correct=int(matrix[label, label]),
        )
        for label in range(len(matrix))
    ]


def by_span(
    truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], marked: bool
) -> dict[str, Counts]:
    """Counts spans by kind; a span is correct if its beginning, end and kind are."""
    true_spans: Counter[str] = Counter()
    predicted_spans: Counter[str] = Counter()
    correct_spans: Counter[str] = Counter()
    for true_labels, predicted_labels in zip(truth, predicted, strict=True):
        expected, detected = find_spans(true_labels, marked), find_spans(predicted_labels, marked)
        true_spans.update(span.kind for span in expected)
        predicted_spans.update(span.kind for span in detected)
        correct_spans.update(span.kind for span in set(expected) & set(detected))
    return {
        kind: Counts(true=true_spans[kind], predicted=predicted_spans[kind], correct=correct_spans[kind])
        for kind in sorted({*true_spans, *predicted_spans})
    }


def label_table(predictions: LabelPredictions, data: LabelledSteps) -> Details:
    """Each label of the test set."""
    matrix = confusion(data.truth(predictions.split), predictions.labels, len(data.labels))
    rows = _rows(zip(data.labels, by_label(matrix), strict=True))
    return Details("the labels of the test set", ("label", "steps", "precision", "recall", "F1"), rows)


def span_table(predictions: LabelPredictions, data: LabelledSteps) -> Details | None:
    """The spans of each kind, where labels mark spans."""
    if not data.has_span_tags:
        return None
    truth = data.names(data.truth(predictions.split))
    counts = by_span(truth, data.names(predictions.labels), data.has_span_tags)
    header = ("kind", "spans", "precision", "recall", "F1")
    return Details("its spans, correct where beginning, end and kind are", header, _rows(counts.items()))


def mistake_table(predictions: LabelPredictions, data: LabelledSteps) -> Details | None:
    """The pairs of true and wrongly predicted labels, the most frequent first, with an example of each."""
    counts: Counter[tuple[int, int]] = Counter()
    first: dict[tuple[int, int], tuple[int, int]] = {}
    truth = data.truth(predictions.split)
    for number, (true, predicted) in enumerate(zip(truth, predictions.labels, strict=True)):
        for step in np.flatnonzero(true != predicted).tolist():
            pair = (int(true[step]), int(predicted[step]))
            counts[pair] += 1
            first.setdefault(pair, (number, step))
    rows = tuple(
        (
            data.labels[true],
            data.labels[prediction],
            f"{count:,}",
            _place(predictions.split, *first[true, prediction]),
        )
        for (true, prediction), count in counts.most_common(MISTAKES_SHOWN)
    )
    header = ("true", "predicted", "steps", "example")
    return Details("its most frequent mistakes", header, rows) if rows else None


def _labelled(truth: Sequence[np.ndarray], predicted: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted labels of all steps that have a true label."""
    empty = np.empty(0, np.int64)
    true, prediction = np.concatenate([empty, *truth]), np.concatenate([empty, *predicted])
    return true[true != NO_LABEL], prediction[true != NO_LABEL]


def _rows(counted: Iterable[tuple[str, Counts]]) -> tuple[tuple[str, ...], ...]:
    """Table rows of the kinds that occur, the most frequent first."""
    most_frequent = sorted(counted, key=lambda item: -item[1].true)[:LABELS_SHOWN]
    return tuple(
        (
            name or "(no kind)",
            f"{count.true:,}",
            f"{count.precision:.1%}",
            f"{count.recall:.1%}",
            f"{count.f1:.1%}",
        )
        for name, count in most_frequent
        if count.true or count.predicted
    )


def _place(split: TokenSteps | ChannelSteps, number: int, step: int) -> str:
    """The position of a step in its file, and a token in brackets with its neighbours."""
    steps = split.slice_of(number)
    where = split.place(steps.start + step)
    if isinstance(split, ChannelSteps):
        return where
    tokens = split.tokens[steps]
    before = tokens[max(step - TOKENS_AROUND, 0) : step]
    after = tokens[step + 1 : step + 1 + TOKENS_AROUND]
    ends = ("… " * (step > TOKENS_AROUND), " …" * (step + 1 + TOKENS_AROUND < len(tokens)))
    return f"{where}: {ends[0]}{' '.join([*before, f'[{tokens[step]}]', *after])}{ends[1]}"
