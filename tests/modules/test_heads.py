"""Heads: losses and quantiles against their definitions."""

import numpy as np
import pytest
import torch
from scipy import stats

from gatewise.modules.heads import LEVELS, QuantileHead, StudentTHead, pinball


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
