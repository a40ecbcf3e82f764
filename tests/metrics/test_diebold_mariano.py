"""The Diebold-Mariano test and the Ljung-Box test, by hand and beside scipy."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from gatewise.metrics.diebold_mariano import diebold_mariano
from gatewise.metrics.ljung_box import autocorrelation, ljung_box


def test_the_statistic_computed_by_hand():
    """Mean 2, gamma_0 = 6/4, gamma_1 = -2/4, variance (6/4 - 2 * 2/4) / 4 = 1/8, correction sqrt(1.5/4)."""
    found = diebold_mariano(np.array([1.0, 2.0, 4.0, 1.0]), lags=1)
    assert found.statistic == pytest.approx(2 * math.sqrt(8) * math.sqrt(1.5 / 4))
    angle = math.atan(found.statistic / math.sqrt(3))  # the distribution of 3 degrees of freedom
    assert found.p_value == pytest.approx(1 - 2 / math.pi * (angle + math.sin(angle) * math.cos(angle)))
    assert (found.origins, found.lags) == (4, 1)


def test_without_overlap_it_is_the_t_test():
    differences = np.random.default_rng(0).normal(0.3, size=12)
    found, expected = diebold_mariano(differences, lags=0), ttest_1samp(differences, 0)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(
    ("differences", "lags"),
    [
        ([1.0], 0),
        ([1.0, 2.0], 1),
        ([2.0, 2.0, 2.0], 0),
        ([1.0, -1.0, 1.0, -1.0], 1),
        ([1.0, math.nan, 2.0], 0),
    ],
)
def test_no_result_where_there_is_no_variance(differences, lags):
    assert diebold_mariano(np.array(differences), lags) is None


def test_ljung_box_computed_by_hand():
    """The deviations of 1, 2, 6 from 3 are -2, -1, 3: r_1 = (2 - 3) / 14, r_2 = -6 / 14."""
    correlations = autocorrelation(np.array([1.0, 2.0, 6.0]), 2)
    np.testing.assert_allclose(correlations, [-1 / 14, -6 / 14])
    found = ljung_box(correlations, 3)
    assert found.statistic == pytest.approx(15 * ((1 / 14) ** 2 / 2 + (6 / 14) ** 2))
    assert found.p_value == pytest.approx(math.exp(-found.statistic / 2))  # of 2 degrees of freedom


def test_missing_residuals_are_left_out_of_the_sums():
    """The deviations of 1, 2, 6 from 3, with a gap between the last two: r_1 = 2 / 14, r_2 = -3 / 14."""
    found = autocorrelation(np.array([1.0, 2.0, np.nan, 6.0]), 3)
    np.testing.assert_allclose(found, [2 / 14, -3 / 14, -6 / 14])


def test_residuals_without_changes_have_no_autocorrelation():
    assert autocorrelation(np.ones(5), 2).tolist() == [0, 0]
