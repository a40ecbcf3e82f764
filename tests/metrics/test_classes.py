"""The scores of predicted classes, by hand and by formulas written differently."""

import math

import pytest
import torch
from torch.nn import functional

from gatewise.metrics.classes import class_scores, confusion, macro_auc


def test_scores_computed_by_hand():
    truth = torch.tensor([0, 0, 0, 1, 1, 2])
    guessed = [0, 0, 1, 1, 0, 3]
    output = torch.full((6, 5), 0.1)
    output[range(6), guessed] = 0.6
    table = confusion(output, truth)
    assert table.tolist() == [[2, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 1, 0], [0] * 5, [0] * 5]
    scores = class_scores(output, truth)
    assert scores["accuracy"] == pytest.approx(3 / 6)
    # class 0: precision 2/3, recall 2/3; class 1: 1/2, 1/2; 2 and 3: nothing right; 4 is not there
    assert scores["f1"] == pytest.approx((2 / 3 + 1 / 2 + 0 + 0) / 4)
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert scores["cross_entropy"] == pytest.approx(-(3 * math.log(0.6) + 3 * math.log(0.1)) / 6, rel=1e-6)


def test_scores_by_a_formula_written_differently():
    random = torch.Generator().manual_seed(0)
    output = torch.randn(200, 6, generator=random).mul(3).softmax(-1)
    truth = torch.randint(5, (200,), generator=random)
    scores, guessed = class_scores(output, truth), output.argmax(1)
    f1 = []
    for one in range(6):
        precision = float((truth[guessed == one] == one).float().mean())
        recall = float((guessed[truth == one] == one).float().mean()) if (truth == one).any() else 0.0
        f1.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    assert scores["f1"] == pytest.approx(sum(f1) / 6)
    recalls = [float((guessed[truth == one] == one).float().mean()) for one in range(5)]
    assert scores["balanced_accuracy"] == pytest.approx(sum(recalls) / 5)
    assert scores["cross_entropy"] == pytest.approx(float(functional.nll_loss(output.log(), truth)), rel=1e-5)


def test_what_was_thought_impossible_costs_much_but_not_all():
    scores = class_scores(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert scores["cross_entropy"] == pytest.approx(-math.log(1e-12), rel=1e-4)


def area(values, members):
    """The fraction of pairs of a member and another in which the member has the higher value."""
    difference = values[members][:, None] - values[~members]
    return float(((difference > 0).double() + (difference == 0).double() / 2).mean())


@pytest.mark.parametrize("classes", [2, 5])
def test_the_area_under_the_curve_is_the_fraction_of_ordered_pairs(classes):
    random = torch.Generator().manual_seed(classes)
    truth = torch.randint(classes, (60,), generator=random)
    output = (torch.randn(60, classes, generator=random) + functional.one_hot(truth, classes)).softmax(-1)
    output = (10 * output).round() / 10  # with ties
    expected = [area(output[:, one], truth == one) for one in range(classes)]
    assert macro_auc(output, truth) == pytest.approx(sum(expected) / classes)


def test_a_class_that_does_not_occur_has_no_area_under_the_curve():
    output, truth = torch.tensor([[0.6, 0.3, 0.1], [0.3, 0.5, 0.2], [0.5, 0.4, 0.1]]), torch.tensor([0, 1, 1])
    expected = [area(output[:, one], truth == one) for one in (0, 1)]
    assert macro_auc(output, truth) == pytest.approx(sum(expected) / 2)
    assert math.isnan(macro_auc(output, torch.tensor([1, 1, 1])))
