"""Scores of labels and texts beside counting by hand."""

import numpy as np
import pytest
import torch

from gatewise.data import batching
from gatewise.data.batching import even_batches
from gatewise.data.labels.token_steps import NO_LABEL
from gatewise.metrics.counts import exact_match, macro_f1, micro_f1
from gatewise.tasks.label.metrics import accuracy, by_label, by_span, confusion
from gatewise.tasks.transcribe.metrics import edits, error_rate

TRUTH = [np.array([0, 1, 1, 2]), np.array([2, NO_LABEL, 0])]
FOUND = [np.array([0, 1, 0, 2]), np.array([1, 1, 0])]


def test_steps_by_hand():
    assert accuracy(TRUTH, FOUND) == 4 / 6
    matrix = confusion(TRUTH, FOUND, 4)
    assert matrix.tolist() == [[2, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    first, second, third, fourth = by_label(matrix)
    assert (first.precision, first.recall, first.f1) == (2 / 3, 1, 0.8)
    assert (second.precision, second.recall, second.f1) == (1 / 2, 1 / 2, 1 / 2)
    assert (third.precision, third.recall) == (1, 1 / 2)
    assert (fourth.true, fourth.precision, fourth.recall, fourth.f1) == (0, 0, 0, 0)
    assert macro_f1(by_label(matrix)) == pytest.approx((0.8 + 1 / 2 + 2 / 3) / 3)


def test_a_label_that_is_predicted_but_never_true_counts_in_the_mean():
    matrix = confusion([np.array([0, 0])], [np.array([0, 1])], 3)
    assert macro_f1(by_label(matrix)) == pytest.approx((2 / 3 + 0) / 2)


def test_nothing_to_score():
    nothing = [np.array([NO_LABEL])]
    assert accuracy(nothing, [np.array([0])]) == 0
    assert macro_f1(by_label(confusion(nothing, [np.array([0])], 2))) == 0
    assert micro_f1(by_span([[]], [[]], marked=True).values()) == 0
    assert (error_rate([], []), exact_match([], [])) == (0, 0)


def test_spans_by_hand():
    truth = [["B-X", "I-X", "O", "B-Y"], ["B-X", "O"]]
    found = [["B-X", "I-X", "O", "B-X"], ["B-X", "I-X"]]
    counted = by_span(truth, found, marked=True)
    assert {kind: (one.true, one.predicted, one.correct) for kind, one in counted.items()} == {
        "X": (2, 3, 1), "Y": (1, 0, 0),
    }  # fmt: skip
    assert micro_f1(counted.values()) == pytest.approx(2 * 1 / (3 + 3))
    runs = by_span([list("aab")], [list("aac")], marked=False)
    assert micro_f1(runs.values()) == 0.5


def test_texts_by_hand():
    truth, found = ["abc", "", "xy"], ["abd", "z", "xy"]
    assert error_rate(truth, found) == 2 / 5
    assert exact_match(truth, found) == pytest.approx(1 / 3)
    assert error_rate([["ae", "k"]], [["ae"]]) == 1 / 2


def test_edits_by_hand():
    assert edits(["abca", "bb"], ["abda", "b"]) == {("c", "d"): 1, ("b", None): 1}


def test_every_sequence_is_in_one_batch_and_none_is_too_large(monkeypatch):
    monkeypatch.setattr(batching, "STEPS_AT_ONCE", 100)
    sizes = torch.randint(1, 60, (50,)).numpy()
    sizes[7] = 300
    rows = even_batches(sizes)
    assert sorted(row for one in rows for row in one) == list(range(50))
    assert all(len(one) * sizes[one].max() <= 100 or len(one) == 1 for one in rows)
    assert even_batches(np.array([], np.int64)) == []
