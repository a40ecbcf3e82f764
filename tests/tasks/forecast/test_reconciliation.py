"""Forecasts of a hierarchy add up."""

import numpy as np
import polars as pl
import pytest

from gatewise.data.series.hierarchy import ALL, summing_matrix
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.reconciliation import reconcile, shrunk_covariance
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.series import frame
from tests.tasks.running import evaluate, execute

TrainOptions = verb_options("train", TASK.options)
SMALL = {"horizon": 4, "context": 12, "epochs": 1, "hidden": 4, "cell": "gru", "refit": False}
IDS = [("A", "x"), ("A", "y"), ("B", "x"), (ALL, ALL), ("A", ALL), ("B", ALL)]
SUMMING = summing_matrix(IDS)


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_minimum_trace_is_the_projection_of_its_paper(random):
    base, residuals = random.normal(size=(6, 4)), random.normal(size=(6, 30)) * np.arange(1, 7)[:, None]
    inverse = np.linalg.inv(shrunk_covariance(residuals))
    weights = np.linalg.inv(SUMMING.T @ inverse @ SUMMING) @ SUMMING.T @ inverse
    found = reconcile(base, SUMMING, residuals)
    np.testing.assert_allclose(found, SUMMING @ weights @ base, atol=1e-12)
    assert (found == SUMMING @ found[:3]).all()


def test_forecasts_that_add_up_stay(random):
    base = SUMMING @ random.normal(size=(3, 4))
    np.testing.assert_allclose(reconcile(base, SUMMING, random.normal(size=(6, 9))), base, atol=1e-12)


def test_a_series_with_small_errors_moves_the_others(random):
    base, deviations = np.array([[10.0], [10], [10], [36], [20], [10]]), np.array([1, 1, 1, 1e-3, 1, 1])
    found = reconcile(base, SUMMING, random.normal(size=(6, 200)) * deviations[:, None])
    assert found[3, 0] == pytest.approx(36, abs=1e-3)
    assert reconcile(base, SUMMING, np.zeros((6, 0)), "bottom-up")[3, 0] == 30


def test_the_covariance_is_shrunk_where_errors_are_few(random):
    few = random.normal(size=(40, 5))
    assert np.linalg.eigvalsh(shrunk_covariance(few)).min() > 0
    common = random.normal(size=500)
    many = np.stack([common, common + 0.1 * random.normal(size=500)])
    np.testing.assert_allclose(shrunk_covariance(many), many @ many.T / 500, rtol=0.01)
    assert (np.diag(shrunk_covariance(np.zeros((3, 5)))) == 1).all()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs on three regions of two countries, with both ways to add up."""
    folder = tmp_path_factory.mktemp("hierarchy")
    parts = [
        frame(seed=seed).with_columns(country=pl.lit(country), region=pl.lit(region))
        for seed, (country, region) in enumerate(IDS[:3])
    ]
    table = folder / "values.parquet"
    pl.concat(parts).write_parquet(table)
    hierarchy = {"hierarchy": ["country", "region"], "target": "value"}
    for method in ("mint", "bottom-up"):
        options = TrainOptions(**SMALL, **hierarchy, reconciliation=method)
        execute(TASK, "train", table, folder / method, options)
    return folder, table


@pytest.mark.parametrize("method", ["mint", "bottom-up"])
def test_predictions_add_up(trained, method):
    folder, table = trained
    model = load_model(folder / method)
    found = TASK.predict(model, table).frame
    assert found.columns[:4] == ["country", "region", "month", "value"]
    assert list(found.select("country", "region").unique(maintain_order=True).iter_rows()) == IDS
    values = found["value"].to_numpy().reshape(6, 4)
    np.testing.assert_allclose(values, SUMMING @ values[:3], rtol=1e-12)
    assert (np.diff(found.select("q0.1", "q0.4", "value", "q0.6", "q0.9").to_numpy()) >= 0).all()
    assert len(evaluate(TASK, folder / method, table).results) > 3
    with pytest.raises(
        GatewiseError, match="sample paths of a hierarchy do not add up; predict without --sam"
    ):
        TASK.predict_future(model, table, samples=3)


def test_few_values_are_summed(trained, tmp_path):
    folder, table = trained
    path = tmp_path / "short.parquet"
    pl.read_parquet(table).group_by("country", "region", maintain_order=True).tail(4).write_parquet(path)
    predicted = TASK.predict(load_model(folder / "mint"), path)
    assert predicted.warnings[-1].startswith("the series have 4 steps, too few for the errors that minimum")
    values = predicted.frame["value"].to_numpy().reshape(6, 4)
    np.testing.assert_allclose(values, SUMMING @ values[:3], rtol=1e-12)


def test_minimum_trace_is_refused_for_counts():
    options = TrainOptions(**SMALL, hierarchy="country/region", head="negative-binomial")
    with pytest.raises(GatewiseError, match="has no negative forecasts, which minimum trace may have; give"):
        TASK.check(options, None)
