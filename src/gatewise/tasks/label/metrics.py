"""How good labels are, step by step and span by span; and how good texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gatewise.data.labels.spans import spans
from gatewise.data.labels.token_steps import NONE
from gatewise.data.text.edits import Pair, alignment, edit_distance
from gatewise.modules.ctc import beam_search, best_path, negative_log_likelihood
from gatewise.modules.finite import require_no_nan
from gatewise.tasks.label.network import Labeller
from gatewise.tasks.transcribe.network import Transcriber

STEPS_AT_ONCE = 2**14


@dataclass(frozen=True)
class Counted:
    """How often something is there, was said, and was said rightly.

    precision = right / said, recall = right / there, F1 = 2 right / (said + there); nought where undefined
    """

    there: int
    said: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.said + self.there) if self.said + self.there else 0.0


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


@torch.inference_mode()
def find_texts(network: Transcriber, part: Any, beam: int) -> tuple[list[list[int]], np.ndarray]:
    """The text in each sequence of a part, by numbers; and how likely it is.

    beam: how many beginnings of a text the search holds; 0 takes the text of the best path
    """
    network.eval()
    found: list[list[int]] = [[]] * len(part)
    chances = np.zeros(len(part))
    for rows in even_batches(part.sizes):
        batch = part.__getitems__(rows)
        logits, lengths = network(batch.values, batch.lengths)
        texts = beam_search(logits, lengths, beam)[0] if beam else best_path(logits, lengths)
        sizes = torch.tensor([len(text) for text in texts])
        targets = nn.utils.rnn.pad_sequence([torch.tensor([*text, 1]) for text in texts], batch_first=True)
        chances[rows] = (-negative_log_likelihood(logits, lengths, targets, sizes)).exp().numpy()
        for row, text in zip(rows, texts, strict=True):
            found[row] = text
    require_no_nan(chances, "the probabilities of texts")
    return found, chances


def even_batches(sizes: np.ndarray) -> list[list[int]]:
    """The numbers of sequences of like length, as many together as have a bounded number of steps."""
    made: list[list[int]] = [[]]
    for number in np.argsort(-sizes, kind="stable").tolist():
        if made[-1] and (len(made[-1]) + 1) * sizes[made[-1][0]] > STEPS_AT_ONCE:
            made.append([])
        made[-1].append(number)
    return [rows for rows in made if rows]


def accuracy(truth: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """The share of steps with a label that have the right one."""
    true, said = _flat(truth, found)
    return float((true == said).mean()) if len(true) else 0.0


def confusion(truth: Sequence[np.ndarray], found: Sequence[np.ndarray], labels: int) -> np.ndarray:
    """[K, K]: how many steps of the label of a row were given that of a column."""
    true, said = _flat(truth, found)
    return np.bincount(true * labels + said, minlength=labels * labels).reshape(labels, labels)


def by_label(matrix: np.ndarray) -> list[Counted]:
    """The steps of each label, from a confusion matrix [K, K]."""
    return [
        Counted(int(matrix[one].sum()), int(matrix[:, one].sum()), int(matrix[one, one]))
        for one in range(len(matrix))
    ]


def mean_f1(counted: Iterable[Counted]) -> float:
    """The mean F1 of all kinds that are there or are said, each counting alike: macro F1."""
    each = [one.f1 for one in counted if one.there or one.said]
    return float(np.mean(each)) if each else 0.0


def total_f1(counted: Iterable[Counted]) -> float:
    """F1 over all kinds together: micro F1."""
    every = list(counted)
    return Counted(*(sum(getattr(one, name) for one in every) for name in ("there", "said", "right"))).f1


def by_span(
    truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]], marked: bool
) -> dict[str, Counted]:
    """Spans by their kind; one is right where its beginning, its end and its kind are."""
    there: Counter[str] = Counter()
    said: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for true, given in zip(truth, found, strict=True):
        own, other = spans(true, marked), spans(given, marked)
        there.update(one.kind for one in own)
        said.update(one.kind for one in other)
        right.update(one.kind for one in set(own) & set(other))
    return {kind: Counted(there[kind], said[kind], right[kind]) for kind in sorted({*there, *said})}


def by_symbol(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> dict[str, Counted]:
    """The symbols of texts, or their words; one is right where it stands for itself by the fewest edits."""
    there = Counter(symbol for text in truth for symbol in text)
    said = Counter(symbol for text in found for symbol in text)
    right = Counter(
        one
        for true, given in zip(truth, found, strict=True)
        for one, other in alignment(true, given)
        if one is not None and one == other
    )
    return {one: Counted(there[one], said[one], right[one]) for one in sorted({*there, *said})}


def edits(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> Counter[Pair]:
    """What must be edited in the found texts, and how often: (true, found), None for nothing."""
    return Counter(
        pair
        for true, given in zip(truth, found, strict=True)
        for pair in alignment(true, given)
        if pair[0] != pair[1]
    )


def error_rate(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """All edits that make the found texts of the true ones, over the symbols of the true ones."""
    distance = sum(edit_distance(one, other) for one, other in zip(truth, found, strict=True))
    return distance / max(sum(len(one) for one in truth), 1)


def exact_match(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """The share of texts that are right from end to end."""
    right = [list(one) == list(other) for one, other in zip(truth, found, strict=True)]
    return float(np.mean(right)) if right else 0.0


def _flat(truth: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All steps that have a label: the true ones and the found ones."""
    none = np.empty(0, np.int64)
    true, said = np.concatenate([none, *truth]), np.concatenate([none, *found])
    return true[true != NONE], said[true != NONE]
