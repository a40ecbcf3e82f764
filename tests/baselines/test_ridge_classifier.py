"""Ridge regression on class indicators against normal equations and fits without one example."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.baselines import ridge
from gatewise.baselines.ridge_classifier import fit_ridge_classifier
from gatewise.modules import temperature


def problem(count, features, seed=0, noise=1.0):
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(count, features, generator=random) * torch.logspace(-2, 2, features) + 3
    rule = torch.randn(3, features, generator=random) / torch.logspace(-2, 2, features)
    labels = (values @ rule.T + noise * torch.randn(count, 3, generator=random)).argmax(1)
    return values, labels


def solution(values, labels, penalty, weights):
    """Weight and bias by the normal equations, in float64, over features with these means and deviations."""
    values, weights = values.double(), weights.double()
    mean, deviation = values.mean(0), values.std(0, unbiased=False)
    scaled = torch.cat([(values - mean) / deviation, torch.ones(len(values), 1)], dim=1)
    targets = 2 * functional.one_hot(labels, 3).double() - 1
    penalties = torch.full((scaled.shape[1],), penalty).double()
    penalties[-1] = 0
    gram = scaled.T @ (weights[:, None] * scaled) + penalties.diag()
    return scaled @ torch.linalg.solve(gram, scaled.T @ (weights[:, None] * targets))


@pytest.mark.parametrize("weighted", [False, True])
def test_logits_are_a_multiple_of_the_solution(monkeypatch, weighted):
    monkeypatch.setattr(ridge, "PENALTIES", np.array([3.0]))
    values, labels = problem(40, 5)
    weights = torch.rand(40, generator=torch.Generator().manual_seed(1)) + 0.2
    weight, bias, _ = fit_ridge_classifier(values, labels, 3, weights if weighted else None)
    logits = values.double() @ weight.double().T + bias.double()
    expected = solution(values, labels, 3.0, weights if weighted else torch.ones(40))
    ratio = (logits / expected).median()
    assert (logits - ratio * expected).abs().max() < 1e-4 * logits.abs().max()
    assert min(abs(ratio - one) for one in temperature.TEMPERATURES) < 1e-3 * ratio


def test_an_example_that_is_left_out_is_predicted_without_it(monkeypatch):
    monkeypatch.setattr(ridge, "PENALTIES", np.array([3.0]))
    monkeypatch.setattr(temperature, "TEMPERATURES", torch.ones(1, dtype=torch.float64))
    values, labels = problem(40, 5)
    values = (values - values.mean(0)) / values.std(0, unbiased=False)
    left_out = fit_ridge_classifier(values, labels, 3).left_out
    targets = 2 * functional.one_hot(labels, 3).double() - 1
    scaled = torch.cat([values.double(), torch.ones(40, 1)], dim=1)
    penalty = torch.diag(torch.tensor([3.0] * values.shape[1] + [0.0])).double()
    for number in (0, 17, 39):
        kept = torch.arange(40) != number
        gram = scaled[kept].T @ scaled[kept] + penalty
        expected = scaled[number] @ torch.linalg.solve(gram, scaled[kept].T @ targets[kept])
        torch.testing.assert_close(left_out[number].double(), expected, atol=1e-5, rtol=1e-4)
    weights = torch.ones(40)
    weights[3] = 0
    assert not fit_ridge_classifier(values, labels, 3, weights).left_out[3].any()


def test_probabilities_are_calibrated_on_examples_that_were_left_out():
    """Of noise nothing is learned: the cross-entropy on new examples is not above that of a uniform guess."""
    random = torch.Generator().manual_seed(2)
    values, labels = torch.randn(60, 200, generator=random), torch.randint(3, (60,), generator=random)
    weight, bias, _ = fit_ridge_classifier(values, labels, 3)
    new, truth = torch.randn(500, 200, generator=random), torch.randint(3, (500,), generator=random)
    assert functional.cross_entropy(new @ weight.T + bias, truth) < np.log(3) + 0.05


def test_separable_classes_are_not_certain():
    values = torch.randn(30, 20, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(30) % 3
    values[torch.arange(30), labels] += 30
    weight, bias, _ = fit_ridge_classifier(values, labels, 3)
    probabilities = (values @ weight.T + bias).softmax(-1)
    assert (probabilities.argmax(1) == labels).all()
    assert 0.9 < probabilities.max() < 1 - 1e-4


def test_a_constant_feature_and_a_class_without_examples():
    values, labels = problem(30, 4, noise=0.1)
    values[:, 2] = 7.0
    weight, bias, _ = fit_ridge_classifier(values, labels, 4)
    logits = values @ weight.T + bias
    assert torch.isfinite(logits).all()
    assert (logits.argmax(1) != 3).all()


def test_examples_without_weight_do_not_count():
    values, labels = problem(40, 5)
    weights = torch.ones(40)
    weights[::4] = 0
    values[::4] *= 1000
    some = fit_ridge_classifier(values, labels, 3, weights)
    expected = fit_ridge_classifier(values[weights > 0], labels[weights > 0], 3)
    torch.testing.assert_close(some.weight, expected.weight)
    torch.testing.assert_close(some.bias, expected.bias)
    torch.testing.assert_close(some.left_out[weights > 0], expected.left_out)
