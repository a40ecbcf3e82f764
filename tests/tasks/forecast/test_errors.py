"""The metrics of forecasting, computed by hand, and where they are undefined."""

import math

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from gatewise.tasks.forecast.errors import ErrorUnits, ScoreSums, crps, error_terms, naive_errors

LEVELS = (0.1, 0.5, 0.9)
TRUTH = torch.tensor([[2.0, 0.0], [4.0, 10.0]]).double()
QUANTILES = torch.tensor([[[0, 1, 3], [0, 1, 2]], [[5, 6, 8], [8, 10, 12]]]).double()
UNITS = ErrorUnits(torch.tensor([0.5, 0.0]).double(), torch.tensor([2.0, 0.0]).double())


def scores():
    """Of two windows of two series, the second one constant; the errors are 1, -1, -2, 0."""
    sums = ScoreSums(2)
    sums.add(error_terms(TRUTH, QUANTILES, LEVELS, UNITS), torch.tensor([0, 1]))
    return sums


def test_every_metric_by_hand():
    found = scores().scores()
    assert found["mae"] == pytest.approx((1 + 1 + 2 + 0) / 4)
    assert found["rmse"] == pytest.approx(math.sqrt((1 + 1 + 4 + 0) / 4))
    assert found["mase"] == pytest.approx((1 + 1) / 0.5 / 2)  # the constant series is left out
    assert found["rmsse"] == pytest.approx(math.sqrt((1 / 4 + 1 / 4) / 2))
    assert found["smape"] == pytest.approx((2 / 3 + 2 / 1 + 4 / 10 + 0) / 4)
    assert found["mape"] == pytest.approx((1 / 2 + 2 / 4 + 0) / 3)  # the zero is left out
    # twice the pinball losses of the levels 0.1, 0.5 and 0.9: 0.1 e above, 0.9 e below and so on
    losses = (0.4 + 1 + 0.2) + (0 + 1 + 0.4) + (1.8 + 2 + 0.8) + (0.4 + 0 + 0.4)
    assert found["pinball"] == pytest.approx(losses / 3 / 4)
    assert found["wql"] == pytest.approx(losses / 3 / (2 + 0 + 4 + 10))
    assert found["winkler"] == pytest.approx((3 + 2 + (3 + 2 / 0.2 * 1) + 4) / 4)  # 4 is 1 below 5
    assert found["coverage"] == 3 / 4


def test_each_series_by_hand():
    found = scores().of_series()
    assert found["mae"].tolist() == [1, 1]
    assert found["rmse"].tolist() == pytest.approx([1, math.sqrt(2)])
    assert found["mase"][0] == 2
    assert found["mase"].isnan().tolist() == found["rmsse"].isnan().tolist() == [False, True]


def test_where_every_value_is_zero():
    sums, zeros = ScoreSums(1), torch.zeros(1, 2).double()
    units = ErrorUnits(*(torch.ones(1).double() for _ in range(2)))
    sums.add(error_terms(zeros, torch.ones(1, 2, 3).double(), LEVELS, units), torch.tensor([0]))
    found = sums.scores()
    assert math.isnan(found["mape"])
    assert math.isnan(found["wql"])
    assert found["mase"] == 1


def test_units_are_the_naive_errors_of_the_period():
    """After two steps: 3, 2, 0; where the series repeats exactly: the steps; of a tiny series, tiny ones."""
    changing, repeating = np.array([1.0, 5.0, 4.0, 7.0, 4.0]), np.array([1.0, 3.0, 1.0, 3.0])
    units = naive_errors([changing, repeating, np.ones(4), changing * 1e-200], 2)
    np.testing.assert_allclose(units.absolute, [5 / 3, 2, 0, 5e-200 / 3])
    np.testing.assert_allclose(units.root, [math.sqrt(13 / 3), 2, 0, 1e-200 * math.sqrt(13 / 3)])


def test_the_crps_of_a_normal_distribution():
    """`y (2 F(y) - 1) + 2 f(y) - 1 / sqrt(pi)` (Gneiting and Raftery 2007); the mean over points is near."""
    levels = (0.1, 0.3, 0.5, 0.8)
    truth = torch.tensor([-1.5, 0.0, 0.7]).double()
    normal = torch.distributions.Normal(torch.zeros(()).double(), 1)
    closed = truth * (2 * normal.cdf(truth) - 1) + 2 * normal.log_prob(truth).exp() - 1 / math.sqrt(math.pi)
    found = crps(truth, torch.from_numpy(ndtri(levels)).expand(3, -1), levels)
    torch.testing.assert_close(found, closed, rtol=0.005, atol=0)


def test_the_crps_of_counts_is_that_of_whole_numbers():
    """Quantiles on a line over those of a normal distribution, as whole numbers from 0 on."""
    found = crps(torch.tensor(1.0).double(), torch.tensor([-0.4, 0.4, 1.2]).double(), LEVELS, "counts")
    points = (np.arange(100) + 0.5) / 100
    error = 1 - np.maximum(np.round(0.4 + 0.8 * ndtri(points) / ndtri(0.9)), 0)
    assert float(found) == pytest.approx(2 * np.maximum(points * error, (points - 1) * error).mean())


def test_levels_without_an_interval_have_no_winkler_score():
    terms = error_terms(TRUTH, QUANTILES[..., :2], (0.1, 0.5), UNITS)
    assert not {"winkler", "coverage"} & set(terms)
    assert "crps" not in error_terms(TRUTH, QUANTILES[..., 1:2], (0.5,), UNITS)
