"""The scale of a new series with few values."""

import numpy as np
import pytest

from gatewise.data.series.scaling import LogScale, Scale, learn_log_scale, learn_scale
from gatewise.data.series.short_history import completed_scale

LEARNED = [Scale(10.0, 1.0), Scale(40.0, 2.0), Scale(100.0, 10.0)]
LOGS = [LogScale(0.0, 0.2, 1.0), LogScale(0.0, 0.4, 1.0)]


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_one_value_has_the_deviation_that_is_typical_of_its_size(unit):
    values = np.array([-50.0 * unit])
    scale = completed_scale(learn_scale(values), values, 24, LEARNED)
    assert scale.mean == values[0]
    assert scale.deviation == pytest.approx(np.sqrt(23 / 24) * unit * 50 / np.hypot(10, 1))


def test_the_deviation_is_that_of_the_values_once_they_fill_a_context():
    values = np.random.default_rng(0).normal(50, 20, 24)
    own = learn_scale(values)
    assert completed_scale(own, values, 24, LEARNED) == own
    assert completed_scale(learn_scale(values[:23]), values[:23], 24, LEARNED).deviation == pytest.approx(
        np.sqrt(23 / 24 * values[:23].var() + 1 / 24 * np.mean(values[:23] ** 2) / 101)
    )


def test_logarithms_have_the_median_deviation():
    values = np.array([7.0])
    scale = completed_scale(learn_log_scale(values), values, 24, [*LEARNED, *LOGS])
    assert isinstance(scale, LogScale)
    assert scale.deviation == pytest.approx(np.sqrt(23 / 24) * 0.3)
    assert scale.undo(np.array([0.0])) == pytest.approx(7)


def test_a_scale_without_others_of_its_kind_stays():
    values = np.array([7.0])
    assert completed_scale(learn_log_scale(values), values, 24, LEARNED) == learn_log_scale(values)
    zeros = np.zeros(2)
    assert completed_scale(learn_scale(zeros), zeros, 24, LEARNED) == Scale(0.0, 1.0)
