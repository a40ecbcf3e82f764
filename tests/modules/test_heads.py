"""Heads: losses and quantiles against their definitions."""

import numpy as np
import pytest
import torch
from scipy import stats

from gatewise.errors import GatewiseError
from gatewise.modules.heads import HEADS, QuantileHead, SortedQuantileHead, StudentTHead, pinball
from gatewise.modules.levels import LEVELS, complete_levels, require_levels, symmetric_pairs


def test_the_mean_pinball_loss_is_least_at_the_quantile():
    truth = torch.randn(4001)
    levels = torch.tensor([0.1, 0.5, 0.8])
    grid = torch.linspace(-2, 2, 401)
    losses = pinball(grid[:, None, None].expand(-1, 4001, 3), truth.expand(401, -1), levels).mean(1)
    best = grid[losses.argmin(0)]
    torch.testing.assert_close(best, torch.quantile(truth, levels), atol=0.02, rtol=0)


def test_quantiles_rise_even_where_the_network_crosses_them():
    head = QuantileHead(3, horizon=2)
    quantiles = head.quantiles(head(torch.randn(5, 3) * 10, torch.zeros(5, 1)))
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_quantiles_are_trained_as_they_are_predicted():
    """The loss is that of the quantiles in ascending order, not that of the outputs that cross."""
    head = SortedQuantileHead(3, horizon=2)
    raw, truth = head(torch.randn(5, 3) * 10, torch.zeros(5, 1)), torch.randn(5, 2)
    assert (raw.diff(dim=-1) < 0).any()
    expected = 2 * pinball(head.quantiles(raw), truth, head.levels).mean()
    assert torch.equal(head.loss(raw, truth), expected)
    assert expected < 2 * pinball(raw, truth, head.levels).mean()


def test_quantiles_are_the_median_and_distances_to_the_next():
    levels = (0.05, 0.2, 0.5, 0.6)
    head = QuantileHead(3, 1, levels).double()
    summary = torch.randn(4, 3).double()
    first, second, median, last = head.linear(summary).detach().numpy().T
    found = head.quantiles(head(summary, torch.full((4, 1), 7.0).double())).detach().numpy()[:, 0].T
    normal = stats.norm.ppf(levels)
    np.testing.assert_allclose(found[2], median + 7)
    np.testing.assert_allclose(found[3] - found[2], np.logaddexp(0, last) * normal[3] / 2, rtol=1e-6)
    np.testing.assert_allclose(found[2] - found[1], np.logaddexp(0, second) * -normal[1] / 2, rtol=1e-6)
    between = (normal[1] - normal[0]) / 2
    np.testing.assert_allclose(found[1] - found[0], np.logaddexp(0, first) * between, rtol=1e-6)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("levels", [(0.5,), (0.01, 0.5, 0.99), (0.2, 0.5, 0.6, 0.9)])
def test_every_head_has_quantiles_of_any_levels(name, levels):
    head = HEADS[name](3, 2, levels)
    raw = head(torch.randn(50, 3) * 10, torch.zeros(50, 1))
    quantiles = head.quantiles(raw)
    assert quantiles.shape == (50, 2, len(levels))
    assert (quantiles.diff(dim=-1) >= 0).all()
    if head.center_name == "median":
        torch.testing.assert_close(quantiles[..., levels.index(0.5)], head.center(raw))


def test_levels_are_completed_by_the_median():
    assert complete_levels([0.9, 0.1, 0.9]) == (0.1, 0.5, 0.9)
    assert complete_levels(LEVELS) == LEVELS
    assert symmetric_pairs(LEVELS) == [(0, 8), (1, 7), (2, 6), (3, 5)]
    assert symmetric_pairs((0.05, 0.1, 0.5, 0.8, 0.95)) == [(0, 4)]


@pytest.mark.parametrize(
    "levels", [(0.1, 0.9), (0.5, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0), (0.5, float("nan"))]
)
def test_levels_of_a_model_that_are_refused(levels):
    with pytest.raises(GatewiseError, match=r"expected ascending levels between 0 and 1, with 0.5, got"):
        require_levels(levels)


@pytest.mark.parametrize("kind", [QuantileHead, StudentTHead])
def test_a_forecast_moves_with_its_origin(kind):
    head = kind(3, horizon=2)
    summary = torch.randn(5, 3)
    low, high = (head.quantiles(head(summary, torch.full((5, 1), origin))) for origin in (0.0, 7.0))
    torch.testing.assert_close(high, low + 7)


def test_student_t_is_that_of_scipy():
    head = StudentTHead(3, horizon=2).double()
    raw = head(torch.randn(5, 3, dtype=torch.float64), torch.zeros(5, 1, dtype=torch.float64))
    location, scale, freedom = (part.detach().numpy() for part in raw.unbind(-1))
    truth = torch.randn(5, 2, dtype=torch.float64)
    expected = -stats.t.logpdf(truth.numpy(), freedom, location, scale).mean()
    np.testing.assert_allclose(head.loss(raw, truth).item(), expected)
    for place, level in enumerate(LEVELS):
        wanted = stats.t.ppf(level, freedom, location, scale)
        np.testing.assert_allclose(head.quantiles(raw)[..., place].numpy(), wanted, rtol=1e-6, atol=1e-7)
