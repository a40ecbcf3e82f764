"""Heads of values that are not negative: likelihoods and quantiles against SciPy, PyTorch and samples."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from torch.distributions import Gamma, Poisson

from gatewise.modules.count_heads import NegativeBinomialHead, TweedieHead, positive_mean
from gatewise.modules.levels import LEVELS
from gatewise.modules.tweedie import tweedie_log_density, tweedie_quantiles


def test_the_mean_is_positive_and_starts_from_the_origin():
    origin = torch.tensor([-1e6, -1.0, 0.0, 0.5, 30.0, 1e6]).double()
    mean = positive_mean(torch.zeros(6).double(), origin)
    assert (mean > 0).all()
    torch.testing.assert_close(mean[3:], origin[3:], rtol=0.01, atol=0)
    assert (positive_mean(torch.full((6,), -50.0).double(), origin) >= 0).all()
    added = positive_mean(torch.tensor(2.0), torch.tensor(30.0))
    assert added == pytest.approx(32, abs=0.01)


def test_the_negative_binomial_is_that_of_scipy():
    head = NegativeBinomialHead(3, horizon=2).double()
    raw = head(torch.randn(50, 3).double() * 5, torch.rand(50, 1).double() * 8)
    mean, dispersion = (one.detach().numpy() for one in raw.unbind(-1))
    count, success = 1 / dispersion, 1 / (1 + dispersion * mean)
    variance = stats.nbinom.var(count, success)
    np.testing.assert_allclose(variance, mean + dispersion * mean**2)
    truth = torch.randint(0, 12, (50, 2)).double()
    expected = -stats.nbinom.logpmf(truth.numpy(), count, success).mean()
    np.testing.assert_allclose(head.loss(raw, truth).item(), expected)
    for place, level in enumerate(LEVELS):
        wanted = stats.nbinom.ppf(level, count, success)
        np.testing.assert_array_equal(head.quantiles(raw)[..., place].numpy(), wanted)


def test_a_large_count_has_an_exact_likelihood_in_single_precision():
    head = NegativeBinomialHead(1, horizon=1)
    raw = torch.tensor([[[1e6, 1e-3]]])
    expected = -stats.nbinom.logpmf(1_010_000, 1e3, 1 / (1 + 1e3))
    assert head.loss(raw, torch.tensor([[1_010_000.0]])).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("mean", "dispersion", "power"), [(2.0, 1.0, 1.5), (5.0, 0.5, 1.2), (40.0, 0.05, 1.7)]
)
def test_the_tweedie_density_sums_to_one_with_its_mean(mean, dispersion, power):
    given = [torch.tensor(one).double() for one in (mean, dispersion, power)]

    def density(value):
        return tweedie_log_density(torch.tensor(value).double(), *given).exp().item()

    deviation = np.sqrt(dispersion * mean**power)
    edges = [1e-9, 1e-3, 0.1 * mean, mean - deviation, mean + 3 * deviation, mean + 30 * deviation]
    pieces = list(itertools.pairwise(edges))
    total = sum(quad(density, *piece)[0] for piece in pieces) + density(0.0)
    first = sum(quad(lambda value: value * density(value), *piece)[0] for piece in pieces)
    assert total == pytest.approx(1, abs=0.005)
    assert first == pytest.approx(mean, rel=0.005)


def test_the_tweedie_density_is_a_mixture_of_gammas():
    """Term by term, with many gamma variables too."""
    values = torch.tensor([0.0, 0.2, 3.0, 90.0]).double()
    mean, power = torch.tensor([0.5, 0.5, 2.0, 100.0]).double(), torch.tensor(1.5).double()
    dispersion = torch.tensor([1.0, 1.0, 0.3, 0.004]).double()
    rate = mean**0.5 / (dispersion * 0.5)
    scale = dispersion * 0.5 * mean**0.5
    counts = torch.arange(1, 20_000).double()[:, None]
    terms = Poisson(rate).log_prob(counts) + Gamma(counts, 1 / scale).log_prob(values.clamp(min=1e-300))
    expected = torch.where(values > 0, terms.logsumexp(0), -rate)
    found = tweedie_log_density(values, mean, dispersion, power)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_tweedie_quantiles_are_those_of_samples():
    torch.manual_seed(0)
    mean = torch.tensor([0.05, 0.5, 4.0, 60.0], dtype=torch.float64)
    dispersion, power = torch.tensor([1.0, 1.0, 0.3, 2.0], dtype=torch.float64), 1.4
    rate = mean**0.6 / (dispersion * 0.6)
    scale, shape = dispersion * 0.4 * mean**0.4, 0.6 / 0.4
    counts = Poisson(rate).sample((200_000,))
    samples = torch.where(counts > 0, Gamma(counts.clamp(min=1) * shape, 1 / scale).sample(), 0.0)
    found = tweedie_quantiles(LEVELS, mean, dispersion, power)
    expected = np.quantile(samples.numpy(), LEVELS, axis=0).T
    np.testing.assert_allclose(found, expected, rtol=0.03, atol=0.004)
    assert (found[0, :7] == 0).all()


@pytest.mark.parametrize("power", [1.1, 1.5, 1.9])
def test_tweedie_quantiles_above_the_largest_rate_are_those_of_samples(power):
    """Within four standard errors of a sample's quantiles, near a normal distribution."""
    levels, count, random = np.array([0.01, 0.1, 0.5, 0.9, 0.99]), 200_000, np.random.default_rng(0)
    normal, shape, mean = stats.norm.ppf(levels), (2 - power) / (power - 1), 100.0
    for rate in (2e4, 2e6):
        dispersion = mean ** (2 - power) / (rate * (2 - power))
        scale = dispersion * (power - 1) * mean ** (power - 1)
        samples = random.gamma(random.poisson(rate, count) * shape, scale)
        given = torch.tensor([[mean], [dispersion]], dtype=torch.float64)
        found = tweedie_quantiles(levels.tolist(), *given, power)[0].numpy()
        deviation = np.sqrt(dispersion * mean**power)
        error = deviation * np.sqrt(levels * (1 - levels) / count) / stats.norm.pdf(normal)
        assert (np.abs(found - np.quantile(samples, levels)) < 4 * error).all()


@pytest.mark.parametrize("kind", [NegativeBinomialHead, TweedieHead])
def test_a_forecast_in_other_units_is_that_of_the_same_distribution(kind):
    """The mean follows the unit; for Tweedie so does every quantile."""
    head = kind(3, horizon=2).double()
    raw = head(torch.randn(5, 3).double(), torch.ones(5, 1).double())
    scaled = head.rescale(raw, torch.zeros(5, 1).double(), torch.full((5, 1), 7.0).double())
    torch.testing.assert_close(head.center(scaled), 7 * head.center(raw))
    if kind is TweedieHead:
        torch.testing.assert_close(head.quantiles(scaled), 7 * head.quantiles(raw))


@pytest.mark.parametrize("kind", [NegativeBinomialHead, TweedieHead])
def test_the_likelihood_has_finite_gradients(kind):
    head = kind(3, horizon=4)
    raw = head(torch.randn(6, 3) * 10, torch.tensor([[-9.0], [0.0], [1e-3], [1.0], [1e3], [1e5]]))
    truth = torch.tensor([0.0, 1.0, 50.0, 1e5]).expand(6, 4)
    head.loss(raw, truth).backward()
    assert all(one.grad.isfinite().all() and (one.grad != 0).any() for one in head.parameters())
