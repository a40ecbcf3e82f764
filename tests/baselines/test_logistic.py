"""Logistic regression: it ends where the gradient is zero, and its penalty is chosen on what was held out."""

import torch
from torch.nn import functional

from gatewise.baselines import logistic
from gatewise.baselines.logistic import fit_logistic


def problem(count, noise, seed):
    """Features of different units, three classes by a linear rule."""
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(count, 4, generator=random) * torch.tensor([1.0, 100.0, 0.01, 1.0])
    rule = torch.tensor([[1.0, 0.02, -50, 0], [-1, 0.01, 100, 0], [0, -0.02, 0, 0]])
    scores = features @ rule.T + noise * torch.randn(count, 3, generator=random)
    return features + torch.tensor([5.0, 0, 0, 0]), scores.argmax(1)


def test_it_ends_where_the_penalized_gradient_is_zero(monkeypatch):
    monkeypatch.setattr(logistic, "PENALTIES", (0.05,))
    features, labels = problem(60, 0.5, 0)
    weight, bias = fit_logistic(features, labels, features, labels, 3)
    weight, bias = (one.double().requires_grad_() for one in (weight, bias))
    loss = functional.cross_entropy(features.double() @ weight.T + bias, labels)
    loss = loss + 0.5 * 0.05 * (weight * features.double().std(0, unbiased=False)).square().sum()
    loss.backward()
    scale = features.double().std(0)
    assert (weight.grad / scale).abs().max() < 1e-4  # what float32 leaves of weights and bias
    assert bias.grad.abs().max() < 1e-4


def test_a_clean_rule_is_learned_and_noise_is_penalized():
    features, labels = problem(300, 0.0, 1)
    held, held_labels = problem(300, 0.0, 2)
    weight, bias = fit_logistic(features, labels, held, held_labels, 3)
    assert ((held @ weight.T + bias).argmax(1) == held_labels).float().mean() > 0.95

    random = torch.randn(40, 30)
    nothing = torch.arange(40) % 2
    learned, _ = fit_logistic(random, nothing, torch.randn(200, 30), torch.arange(200) % 2, 2)
    by_heart, _ = fit_logistic(random, nothing, random, nothing, 2)
    assert learned.abs().max() < 0.1 * by_heart.abs().max()


def test_a_feature_that_never_changes_is_harmless():
    features, labels = problem(100, 0.1, 3)
    features[:, 3] = 7.0
    weight, bias = fit_logistic(features, labels, features, labels, 3)
    assert torch.isfinite(features @ weight.T + bias).all()
