"""How good labels are, step by step and span by span; and how good texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gatewise.data.batching import even_batches
from gatewise.data.labels.spans import spans
from gatewise.data.labels.token_steps import NONE
from gatewise.metrics.counts import Counts
from gatewise.modules.finite import require_no_nan
from gatewise.tasks.label.network import Labeller


@torch.inference_mode()
def find_labels(network: Labeller, part: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The most likely label of each step, by number, for each sequence of a part; and how likely it is."""
    network.eval()
    found: list[np.ndarray] = [np.empty(0, np.int64)] * len(part)
    chances: list[np.ndarray] = [np.empty(0, np.float32)] * len(part)
    for rows in even_batches(part.sizes):
        batch = part.__getitems__(rows)
        chance, best = network(batch).softmax(-1).max(-1)
        for place, (row, length) in enumerate(zip(rows, batch.lengths.tolist(), strict=True)):
            found[row], chances[row] = best[place, :length].numpy(), chance[place, :length].numpy()
    require_no_nan(np.concatenate([np.empty(0), *chances]), "the probabilities of labels")
    return found, chances


def accuracy(truth: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """The share of steps with a label that have the right one."""
    true, said = _flat(truth, found)
    return float((true == said).mean()) if len(true) else 0.0


def confusion(truth: Sequence[np.ndarray], found: Sequence[np.ndarray], labels: int) -> np.ndarray:
    """[K, K]: how many steps of the label of a row were given that of a column."""
    true, said = _flat(truth, found)
    return np.bincount(true * labels + said, minlength=labels * labels).reshape(labels, labels)


def by_label(matrix: np.ndarray) -> list[Counts]:
    """The steps of each label, from a confusion matrix [K, K]."""
    return [
        Counts(int(matrix[one].sum()), int(matrix[:, one].sum()), int(matrix[one, one]))
        for one in range(len(matrix))
    ]


def by_span(
    truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]], marked: bool
) -> dict[str, Counts]:
    """Spans by their kind; one is right where its beginning, its end and its kind are."""
    there: Counter[str] = Counter()
    said: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for true, given in zip(truth, found, strict=True):
        own, other = spans(true, marked), spans(given, marked)
        there.update(one.kind for one in own)
        said.update(one.kind for one in other)
        right.update(one.kind for one in set(own) & set(other))
    return {kind: Counts(there[kind], said[kind], right[kind]) for kind in sorted({*there, *said})}


def _flat(truth: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All steps that have a label: the true ones and the found ones."""
    none = np.empty(0, np.int64)
    true, said = np.concatenate([none, *truth]), np.concatenate([none, *found])
    return true[true != NONE], said[true != NONE]
