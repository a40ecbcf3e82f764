"""Forecasts of a hierarchy add up."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import gatewise
from gatewise.data.series.hierarchy import ALL
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.backtesting import describe_sums
from gatewise.tasks.forecast.coherence import coherence_after
from gatewise.tasks.forecast.data import all_data
from gatewise.tasks.forecast.metrics import forecast_windows, score
from gatewise.tasks.forecast.origins import Rolling
from gatewise.tasks.forecast.reconciliation import reconciling_matrix, shrunk_covariance, with_medians
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.series import frame
from tests.tasks.running import evaluate, execute

TrainOptions = verb_options("train", TASK.options)
SMALL = {"horizon": 4, "context": 12, "epochs": 1, "hidden": 4, "cell": "gru", "refit": False}
IDS = [("A", "x"), ("A", "y"), ("B", "x"), (ALL, ALL), ("A", ALL), ("B", ALL)]
SUMMING = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 0], [0, 0, 1]])


@pytest.fixture
def random():
    return np.random.default_rng(0)


def reconcile(base, residuals, method="mint"):
    return SUMMING @ reconciling_matrix(SUMMING, residuals, method) @ base


def test_minimum_trace_is_the_projection_of_its_paper(random):
    base, residuals = random.normal(size=(6, 4)), random.normal(size=(6, 30)) * np.arange(1, 7)[:, None]
    inverse = np.linalg.inv(shrunk_covariance(residuals))
    weights = np.linalg.inv(SUMMING.T @ inverse @ SUMMING) @ SUMMING.T @ inverse
    np.testing.assert_allclose(reconcile(base, residuals), SUMMING @ weights @ base, atol=1e-12)


def test_forecasts_that_add_up_stay(random):
    base = SUMMING @ random.normal(size=(3, 4))
    np.testing.assert_allclose(reconcile(base, random.normal(size=(6, 9))), base, atol=1e-12)


def test_a_series_with_small_errors_moves_the_others(random):
    base, deviations = np.array([[10.0], [10], [10], [36], [20], [10]]), np.array([1, 1, 1, 1e-3, 1, 1])
    found = reconcile(base, random.normal(size=(6, 200)) * deviations[:, None])
    assert found[3, 0] == pytest.approx(36, abs=1e-3)
    assert reconcile(base, np.zeros((6, 0)), "bottom-up")[3, 0] == 30


def test_quantiles_that_move_stay_in_the_support():
    moved = with_medians(np.array([[1.0, 2.0, 4.0]]), np.array([0.5]), 1, "non-negative")
    assert moved.tolist() == [[0, 0.5, 2.5]]


def test_the_covariance_is_shrunk_where_errors_are_few(random):
    few = random.normal(size=(40, 5))
    assert np.linalg.eigvalsh(shrunk_covariance(few)).min() > 0
    common = random.normal(size=500)
    many = np.stack([common, common + 0.1 * random.normal(size=500)])
    np.testing.assert_allclose(shrunk_covariance(many), many @ many.T / 500, rtol=0.01)
    assert (np.diag(shrunk_covariance(np.zeros((3, 5)))) == 1).all()


def regions():
    """Three series of two countries."""
    return pl.concat(
        frame(seed=seed).with_columns(country=pl.lit(country), region=pl.lit(region))
        for seed, (country, region) in enumerate(IDS[:3])
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs on three regions of two countries, with both ways to add up."""
    folder = tmp_path_factory.mktemp("hierarchy")
    table = folder / "values.parquet"
    regions().write_parquet(table)
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


def test_sums_are_explained(trained):
    """Minimum trace needs steps at which no series is missing."""
    folder, table = trained
    comparison = evaluate(TASK, folder / "mint", table)
    data, predictions = comparison.data, comparison.chosen_network.predictions
    series = tuple(
        replace(one, filled=np.arange(len(one)) % 3 == number % 3)
        for number, one in enumerate(data.source.series)
    )
    source, learned = replace(data.source, series=series), replace(data.learned, masked=True)
    found = coherence_after(source, 160, data.plan, learned, predictions.network, "mint")
    assert found.method == "bottom-up"
    assert found.why == (
        "none of the last 101 steps has a value of every series, too few for the errors that minimum trace "
        "needs: the forecasts of the hierarchy are sums"
    )
    details = TASK.details(replace(predictions, coherence=found), data)
    assert details[0].title == f"MASE by the levels of the hierarchy ({found.why})"
    assert predictions.coherence.why == ""


def test_a_way_to_add_up_is_of_a_hierarchy():
    with pytest.raises(GatewiseError, match="bottom-up is for the forecasts of a hierarchy; give"):
        TASK.check(TrainOptions(**SMALL, reconciliation="bottom-up"), None)


def test_the_data_of_a_refit_add_up_as_those_before(trained):
    folder, table = trained
    data = TASK.load_for_evaluation(load_model(folder / "bottom-up"), table)
    assert all_data(data).reconciliation == "bottom-up"


@pytest.mark.parametrize("method", ["mint", "bottom-up"])
def test_an_inspected_forecast_adds_up(trained, method):
    folder, table = trained
    model = load_model(folder / method)
    windows = len(TASK.load_for_evaluation(model, table).test) // 6
    examples = [TASK.example(model, table, windows * series + 2) for series in range(6)]
    medians = np.stack([one.tracks[0].lines[2].values for one in examples])
    np.testing.assert_allclose(medians, SUMMING @ medians[:3], rtol=1e-6)
    shown = examples[3].attribute(None).output_name
    assert "by the network alone, before the forecasts of the hierarchy add up, 4 steps ahead" in shown


def test_minimum_trace_is_refused_for_counts():
    options = TrainOptions(**SMALL, hierarchy="country/region", head="negative-binomial")
    with pytest.raises(GatewiseError, match="has no negative forecasts, which minimum trace may have; give"):
        TASK.check(options, None)


@pytest.mark.parametrize("method", ["mint", "bottom-up"])
def test_scores_are_those_of_forecasts_that_add_up(trained, method):
    folder, table = trained
    comparison = evaluate(TASK, folder / method, table)
    data = comparison.data
    border = data.plan.borders(160)[1]
    for result in comparison.results:
        network, windows = result.network, data.test
        quantiles = data.undo(forecast_windows(network, windows), windows.series).numpy()
        known = spoiled_after(data.source, border)  # nothing later decides how forecasts add up
        coherence = coherence_after(known, border, data.plan, data.learned, network, method)
        medians = quantiles[..., network.median_index].reshape(6, -1)
        medians = (SUMMING @ coherence.weights @ medians).reshape(quantiles.shape[:2])
        truth = data.undo(windows.all().truth, windows.series).numpy()
        assert result.scores["rmse"] == pytest.approx(np.sqrt(((truth - medians) ** 2).mean()), rel=1e-5)
        moved = with_medians(quantiles, medians, network.median_index)
        inside = (moved[..., 0] <= truth) & (truth <= moved[..., -1])
        assert result.scores["coverage"] == pytest.approx(inside.mean(), abs=2e-3)
        chosen = result.predictions.quantiles([3, 40, 3]).numpy()
        np.testing.assert_allclose(chosen, moved[[3, 40, 3]], rtol=1e-9)
    assert comparison.task.caption(data).endswith("; forecasts of the hierarchy add up")


def spoiled_after(source, steps):
    """The series, with values after a step that would be noticed."""
    series = [
        replace(one, target=np.where(np.arange(len(one)) < steps, one.target, 1e9)) for one in source.series
    ]
    return replace(source, series=tuple(series))


def test_details_compare_the_levels_with_forecasts_that_do_not_add_up(trained):
    folder, table = trained
    comparison = evaluate(TASK, folder / "bottom-up", table)
    result = comparison.chosen_network
    found = next(one for one in comparison.details if one.title == "MASE by the levels of the hierarchy")
    assert found.header == ("", "series", "as forecast", "as sums")
    assert [row[:2] for row in found.rows] == [("all", "1"), ("country", "2"), ("region", "3")]
    before = score(replace(result.predictions, coherence=None))
    columns = np.array([[float(cell) for cell in row[1:]] for row in found.rows])
    means = (columns[:, 1:] * columns[:, :1]).sum(0) / 6
    assert means == pytest.approx([before["mase"], result.scores["mase"]], abs=2e-3)
    assert found.rows[2][2] == found.rows[2][3]  # the last level stays


def test_a_backtest_forecasts_as_predict_would(trained):
    folder, table = trained
    model = gatewise.load(folder / "mint")
    given = pl.read_parquet(table)
    known = given.group_by("country", "region", maintain_order=True).head(156)
    predicted = model.predict(known)
    backtest = model.backtest(given, windows=1).table
    np.testing.assert_allclose(backtest["predicted"], predicted["value"], rtol=1e-5)


def test_a_backtest_explains_sums(trained, monkeypatch):
    monkeypatch.setattr("gatewise.tasks.forecast.coherence.MIN_ERRORS", 1000)
    folder, table = trained
    model, given = gatewise.load(folder / "mint"), pl.read_parquet(table)
    found = model.backtest(given, windows=2)
    assert found.warnings[-1] == (
        "the series have 152 steps, too few for the errors that minimum trace needs: the forecasts of the "
        "hierarchy are sums"
    )
    values = found.table.filter(step=1, origin=found.table["origin"].max())["predicted"].to_numpy()
    np.testing.assert_allclose(values, SUMMING @ values[:3], rtol=1e-5)
    why = {2: "too few errors: the forecasts are sums", 3: "none"}
    assert describe_sums(why, Rolling(4, 1, 1), refit=True) == (f"{why[2]} (at origins 2, 3 of 4)",)


def test_residuals_of_a_backtest_are_those_of_forecasts_that_add_up(trained, monkeypatch):
    monkeypatch.setattr("gatewise.tasks.forecast.metrics.BLOCK", 24)  # several blocks, each of all series
    folder, table = trained
    found = gatewise.load(folder / "mint").backtest(pl.read_parquet(table), windows=3)
    first = found.table.filter(step=1)
    both = first.join(found.residuals, on=["series", "time"])
    assert both.height == 18
    np.testing.assert_allclose(both["residual"], both["actual"] - both["predicted"], atol=1e-5)


def test_gaps_and_covariates_go_all_the_way(tmp_path):
    table = regions().with_columns(
        value=pl.when(pl.int_range(pl.len()) % 31 != 20).then("value"), rain=pl.int_range(pl.len()) % 160 % 7
    )
    options = {**SMALL, "max_steps": 4, "progress": False}
    options = {**options, "fill": "mask", "observed": ["rain"], "static": ["country"]}
    model = gatewise.Forecaster(**options).fit(table, hierarchy=["country", "region"], target="value")
    found = model.predict()
    values = found["value"].to_numpy().reshape(6, 4)
    np.testing.assert_allclose(values, SUMMING @ values[:3], rtol=1e-12)
    assert np.isfinite([result.scores["mase"] for result in model.comparison_.results]).all()
