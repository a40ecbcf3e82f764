"""The baselines: exact where they must be, and intervals that hold."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Regression

from gatewise.data.series.windows import WindowBatch
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.baselines import (
    Naive,
    Ridge,
    SeasonalNaive,
    WindowMLP,
)
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.linear import PENALTIES, flat_window
from gatewise.tasks.forecast.normalization import MIN_SCALE
from tests.series import data

SHAPE = ForecastShape(context=5, horizon=3, period=2, known=1, observed=2)


def windows(count, generate):
    past, future = torch.randn(count, 5, 4), torch.randn(count, 3, 1)
    return WindowBatch(past, future, generate(past, future), torch.zeros(count).long(), torch.empty(count, 0))


class Given:
    """Windows that were made before."""

    def __init__(self, batch):
        self.batch = batch

    def __len__(self):
        return len(self.batch.past)

    def all(self):
        return self.batch

    def sample(self, limit):
        return self

    def blocks(self):
        yield from (WindowBatch(*parts) for parts in zip(*(one.split(7) for one in self.batch), strict=True))


def test_naive_and_seasonal_naive():
    past = torch.arange(5.0)[None, :, None].expand(2, 5, 4)
    future = torch.zeros(2, 3, 1)
    assert Naive(SHAPE).point(past, future).tolist() == [[4, 4, 4]] * 2
    assert SeasonalNaive(SHAPE).point(past, future).tolist() == [[3, 4, 3]] * 2


def test_ridge_finds_a_linear_rule_in_all_that_it_may_see():
    def rule(past, future):
        change = 0.5 * (past[:, 1, 0] - past[:, 3, 0]) + past[:, 2, 2] + 3
        return past[:, -1:, 0] + change[:, None] + 2 * future[:, :, 0]

    ridge = Ridge(SHAPE, "series")
    ridge.fit(Given(windows(3000, rule)), Given(windows(200, rule)))
    test = windows(50, rule)
    torch.testing.assert_close(ridge.point(test.past, test.future), test.truth, atol=0.01, rtol=0.01)


def test_ridge_takes_the_penalty_that_is_best_on_the_validation_set():
    def noise(past, future):
        return past[:, -1:, 0] + torch.randn(len(past), 3)

    ridge = Ridge(SHAPE)
    ridge.fit(Given(windows(30, noise)), Given(windows(2000, noise)))
    assert ridge.linear.weight.abs().max() < 0.1


@pytest.mark.parametrize("normalization", ["window", "series"])
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_ridge_in_blocks_is_that_of_scikit_learn(shift, normalization):
    batch, held_out = (windows(count, lambda past, future: torch.randn(len(past), 3)) for count in (60, 30))
    batch.past[..., 2:] += shift
    ridge = Ridge(SHAPE, normalization)
    ridge.fit(Given(batch), Given(held_out))
    past, truth, scale = batch.past.double(), batch.truth.double(), torch.ones(60, 1).double()
    if normalization == "window":
        level = past[:, :, 0].mean(1, keepdim=True)
        scale = (past[:, :, 0].var(1, unbiased=False, keepdim=True) + MIN_SCALE**2).sqrt()
        past[:, :, 0], truth = (past[:, :, 0] - level) / scale, (truth - level) / scale
    features = flat_window(past, batch.future.double(), batch.static).numpy()
    changes = (truth - past[:, -1:, 0]).numpy()
    weights = (scale / scale.mean())[:, 0].numpy()
    fits = [Regression(penalty).fit(features, changes, weights) for penalty in PENALTIES]
    found = ridge.linear.weight.numpy()
    best = min(fits, key=lambda fit: np.abs(found - fit.coef_).max())
    np.testing.assert_allclose(found, best.coef_, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(ridge.linear.bias.numpy(), best.intercept_, rtol=1e-3, atol=1e-3)
    point = past[:, -1:, 0].numpy() + best.predict(features)
    expected = point if normalization == "series" else point * scale.numpy() + level.numpy()
    np.testing.assert_allclose(ridge.point(batch.past, batch.future).numpy(), expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("kind", [Naive, SeasonalNaive, Ridge])
def test_the_point_is_the_median_and_intervals_have_their_coverage(kind):
    baseline = kind(SHAPE)

    def rule(past, future):
        return past[:, -1:, 0] + torch.randn(len(past), 3).exp()

    baseline.fit(Given(windows(3000, rule)), Given(windows(3000, rule)))
    test = windows(3000, rule)
    quantiles = baseline.quantiles(baseline(test.past, test.future))
    torch.testing.assert_close(quantiles[..., 4], baseline.point(test.past, test.future))
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_intervals_of_symmetric_errors_cover_four_fifths():
    naive = Naive(SHAPE)

    def rule(past, future):
        return past[:, -1:, 0] + torch.randn(len(past), 3)

    naive.fit(Given(windows(10, rule)), Given(windows(5000, rule)))
    test = windows(5000, rule)
    quantiles = naive(test.past, test.future)
    inside = (quantiles[..., 0] <= test.truth) & (test.truth <= quantiles[..., -1])
    assert abs(inside.double().mean() - 0.8) < 0.02


def test_intervals_of_other_levels_cover_what_they_name():
    naive = Naive(SHAPE, levels=(0.025, 0.25, 0.5, 0.75, 0.975))

    def rule(past, future):
        return past[:, -1:, 0] + torch.randn(len(past), 3)

    naive.fit(Given(windows(10, rule)), Given(windows(5000, rule)))
    test = windows(5000, rule)
    quantiles = naive(test.past, test.future)
    for low, high, coverage in [(0, 4, 0.95), (1, 3, 0.5)]:
        inside = (quantiles[..., low] <= test.truth) & (test.truth <= quantiles[..., high])
        assert abs(inside.double().mean() - coverage) < 0.02


def test_a_period_beyond_the_context():
    with pytest.raises(GatewiseError, match="a period of 7 does not fit into a context of 5"):
        SeasonalNaive(ForecastShape(context=5, horizon=3, period=7))


def test_the_perceptron_sees_all_of_the_window():
    network = WindowMLP(SHAPE)
    past, future = torch.randn(2, 5, 4, requires_grad=True), torch.randn(2, 3, 1, requires_grad=True)
    network.quantiles(network(past, future)).sum().backward()
    assert (future.grad != 0).any(-1).all()
    assert (past.grad[..., [0, 2, 3]] != 0).any(0).all()


def test_the_calendar_reaches_the_baselines():
    prepared = data()
    ridge = Ridge(ForecastShape(12, 4, 12, prepared.train.known))
    assert prepared.train.known == 2
    ridge.fit(prepared.train, prepared.validation)
    assert ridge.loss(prepared.validation.all()) < Naive(SHAPE.__class__(12, 4)).loss(
        prepared.validation.all()
    )
