"""Heads of vectors: plain formulas in float64, a total probability of 1, the frequency of draws."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import bernoulli, multivariate_normal

from gatewise.tasks.generate_vectors.densities import BernoulliHead, MixtureHead, VectorHead


def raw_numbers(head, *shape, deviation=1.5):
    """Numbers as a head's linear map could give them, in float64."""
    width = sum(part.linear.out_features for part in getattr(head, "parts", [head]))
    return deviation * torch.randn(*shape, width, dtype=torch.float64)


def plain_mixture(raw, components, channels):
    """Weights, means and covariances of one vector's mixture, number by number."""
    each = raw.reshape(components, -1)
    weights = np.exp(each[:, 0]) / np.exp(each[:, 0]).sum()
    covariances = []
    for row in each:
        scales = 0.001 + np.log1p(np.exp(row[1 + channels : 1 + 2 * channels]))
        covariance = np.diag(scales**2)
        if channels == 2:
            covariance[0, 1] = covariance[1, 0] = 0.999 * np.tanh(row[-1]) * scales[0] * scales[1]
        covariances.append(covariance)
    return weights, each[:, 1 : 1 + channels], covariances


def test_zeros_and_ones_are_those_of_scipy():
    head = BernoulliHead(4, channels=6)
    raw, truth = raw_numbers(head, 2, 3), torch.randint(2, (2, 3, 6)).double()
    expected = -bernoulli.logpmf(truth.numpy(), 1 / (1 + np.exp(-raw.numpy()))).sum(-1)
    np.testing.assert_allclose(head.nats(raw, truth).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_a_mixture_is_that_of_scipy(channels):
    head = MixtureHead(4, channels, components=3)
    raw, truth = raw_numbers(head, 2, 4), torch.randn(2, 4, channels).double()
    found = head.nats(raw, truth)
    for place in np.ndindex(2, 4):
        weights, means, covariances = plain_mixture(raw[place].numpy(), 3, channels)
        density = sum(
            weight * multivariate_normal.pdf(truth[place].numpy(), mean, covariance)
            for weight, mean, covariance in zip(weights, means, covariances, strict=True)
        )
        np.testing.assert_allclose(found[place].item(), -math.log(density), rtol=1e-10)
        np.testing.assert_allclose(head.mean(raw)[place].numpy(), weights @ means, rtol=1e-12)


def test_a_vector_is_the_sum_of_its_heads_in_any_order():
    head = VectorHead(4, channels=4, binary=[2, 0], components=3)
    raw, truth = raw_numbers(head, 5), torch.randn(5, 4).double()
    truth[:, [0, 2]] = torch.randint(2, (5, 2)).double()
    mixture, ones = head.parts
    of_mixture, of_ones = raw.split([mixture.linear.out_features, 2], dim=-1)
    expected = mixture.nats(of_mixture, truth[:, [1, 3]]) + ones.nats(of_ones, truth[:, [2, 0]])
    torch.testing.assert_close(head.nats(raw, truth), expected)
    assert torch.equal(head.mean(raw)[:, [2, 0]], of_ones.sigmoid())
    drawn = head.sample(raw)
    assert drawn[:, [0, 2]].unique().tolist() == [0.0, 1.0]
    assert len(drawn[:, [1, 3]].unique()) == 10


@pytest.mark.parametrize("channels", [1, 2])
def test_a_density_is_whole(channels):
    head = MixtureHead(4, channels, components=3)
    raw = raw_numbers(head, 1, deviation=0.7)
    grid = torch.linspace(-15, 15, 1501, dtype=torch.float64)
    places = torch.cartesian_prod(*[grid] * channels).reshape(-1, channels)
    whole = torch.exp(-head.nats(raw, places)).sum() * (grid[1] - grid[0]) ** channels
    assert abs(whole.item() - 1) < 1e-4


def test_all_rolls_of_three_keys_are_one_probability():
    head = BernoulliHead(4, channels=3)
    rolls = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)
    assert abs(torch.exp(-head.nats(raw_numbers(head, 1), rolls)).sum().item() - 1) < 1e-12


def test_ones_are_sampled_with_their_probability():
    head = BernoulliHead(4, channels=5)
    raw = raw_numbers(head)
    often = head.sample(raw.expand(40_000, -1)).mean(0)
    assert (often - raw.sigmoid()).abs().max() < 4 * 0.5 / 40_000**0.5


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_vectors_are_sampled_with_their_density(channels):
    """The fraction drawn in each box, beside the probability of the box by the density's own sum."""
    head = MixtureHead(4, channels, components=3)
    raw = raw_numbers(head)
    drawn = head.sample(raw.expand(40_000, -1))
    weights, means, covariances = plain_mixture(raw.numpy(), 3, channels)
    corner = (weights @ means) + 0.3
    expected = sum(
        weight * multivariate_normal.cdf(corner, mean, covariance)
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    )
    below = (drawn.numpy() < corner).all(-1).mean()
    assert abs(below - expected) < 4 * 0.5 / 40_000**0.5
    covariance = sum(
        weight * (one + np.outer(mean, mean))
        for weight, mean, one in zip(weights, means, covariances, strict=True)
    ) - np.outer(weights @ means, weights @ means)
    np.testing.assert_allclose(np.cov(drawn.numpy().T).reshape(channels, -1), covariance, atol=0.15, rtol=0.1)


def test_a_bias_keeps_to_what_is_likely():
    head = MixtureHead(4, channels=2, components=3)
    raw = raw_numbers(head).expand(4000, -1)
    mixture = head.mixture(raw[0])
    likeliest = mixture.means[mixture.log_weights.argmax()]
    torch.testing.assert_close(head.sample(raw, bias=30.0), likeliest.expand(4000, 2))
    deviations = [(head.sample(raw, bias) - likeliest).norm(dim=-1).mean() for bias in (0.0, 1.0, 3.0)]
    assert deviations[0] > deviations[1] > deviations[2]


@pytest.mark.parametrize("size", [30.0, 1000.0])
def test_extreme_numbers_give_finite_losses_and_gradients(size):
    head = VectorHead(4, channels=3, binary=[2], components=4)
    for sign in torch.tensor([[1.0], [-1.0]]):
        raw = (sign * size * torch.randn(6, sum(head.widths)).sign()).requires_grad_()
        nats = head.nats(raw, torch.tensor([0.1, -50.0, 1.0]).expand(6, 3))
        nats.sum().backward()
        assert nats.isfinite().all()
        assert raw.grad.isfinite().all()
        assert head.sample(raw.detach()).isfinite().all()


def test_a_density_has_a_bound():
    head = MixtureHead(4, channels=2, components=1)
    shrunk = torch.tensor([0.0, 0.0, 0.0, -1e3, -1e3, 1e3], dtype=torch.float64)
    least = math.log(2 * math.pi * 1e-6 * math.sqrt(1 - 0.999**2))  # scales of 0.001, a correlation of 0.999
    assert head.nats(shrunk, torch.zeros(2)).item() == pytest.approx(least)
