"""Scores against their formulas, written out in numpy."""

import numpy as np
import polars as pl
import pytest
import torch

from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError
from gatewise.modules.levels import LEVELS
from gatewise.tasks.forecast.baselines import Naive
from gatewise.tasks.forecast.data import prepare
from gatewise.tasks.forecast.metrics import Forecasts, forecast_windows, score
from gatewise.tasks.forecast.plan import WindowPlan
from gatewise.tasks.forecast.task import TASK, shape_of
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel
from gatewise.training.runner import Runner
from tests.series import Quiet, data, frame, seasonal


class Given(Forecasts):
    """Forecasts of the test set that were made before, scored in blocks."""

    def __init__(self, data, quantiles):
        super().__init__(None, data.test, data)
        object.__setattr__(self, "given", quantiles)

    def blocks(self):
        for numbers in torch.arange(len(self.split)).split(7):
            batch = self.split.__getitems__(numbers.tolist())
            yield batch, self.data.undo(self.given[numbers], batch.series)


def test_scores_equal_their_formulas():
    prepared = data()
    values = seasonal()
    first, start = prepared.plan.borders(len(values))
    truth = np.stack([values[place : place + 4] for place in range(start, len(values) - 3)])
    forecast = np.random.default_rng(1).normal(truth, 0.5, size=truth.shape)
    levels = np.array(LEVELS)
    quantiles = forecast[..., None] + 0.4 * (levels - 0.5)
    scale = prepared.learned.series["value"]
    found = score(Given(prepared, torch.from_numpy(scale.apply(quantiles))))
    error = np.abs(truth - forecast)
    training = values[:first]
    naive = np.abs(training[12:] - training[:-12]).mean()
    misses = truth[..., None] - quantiles
    tolerance = 1e-5  # the windows are float32
    np.testing.assert_allclose(found["mase"], error.mean() / naive, rtol=tolerance)
    np.testing.assert_allclose(
        found["smape"], (2 * error / (abs(truth) + abs(forecast))).mean(), rtol=tolerance
    )
    np.testing.assert_allclose(found["rmse"], np.sqrt((error**2).mean()), rtol=tolerance)
    expected = 2 * np.maximum(levels * misses, (levels - 1) * misses).mean()
    np.testing.assert_allclose(found["pinball"], expected, rtol=tolerance)
    coverage = ((quantiles[..., 0] <= truth) & (truth <= quantiles[..., -1])).mean()
    assert found["coverage"] == pytest.approx(coverage, rel=1e-12)


def test_a_perfect_forecast():
    prepared = data()
    truth = prepared.test.all().truth
    found = score(Given(prepared, truth.unsqueeze(-1).expand(-1, -1, 9)))
    assert (found["mase"], found["rmse"], found["pinball"], found["coverage"]) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("levels", "title", "covered"),
    [((0.05, 0.5, 0.6, 0.95), "coverage 90%", 0.25), ((0.25, 0.5, 0.75, 0.9), "coverage 50%", 0.75)],
)
def test_coverage_is_that_of_the_widest_symmetric_interval(levels, title, covered):
    prepared = data(levels=levels)
    truth = prepared.test.all().truth
    outside = torch.arange(len(truth)) % 4 < 4 * (1 - covered)
    quantiles = truth.unsqueeze(-1) + torch.linspace(-1, 1, 4) + 5 * outside[:, None, None]
    found = score(Given(prepared, quantiles))["coverage"]
    assert found == pytest.approx(float((~outside).double().mean()))
    assert TASK.applicable_metrics(prepared)[-1].title == title
    assert f"{title}: the fraction of true values in the {title[9:]} interval" in TASK.caption(prepared)


def test_levels_without_an_interval_have_no_coverage():
    prepared = data(levels=(0.5, 0.9))
    found = score(Given(prepared, prepared.test.all().truth.unsqueeze(-1).expand(-1, -1, 2)))
    assert "coverage" not in found
    assert [one.name for one in TASK.applicable_metrics(prepared)] == ["mase", "smape", "rmse", "pinball"]
    assert "coverage" not in TASK.caption(prepared)


def test_a_constant_series_does_not_count_in_mase():
    flat = frame().with_columns(value=pl.lit(3.0), id=pl.lit("flat"))
    source = pl.concat([frame().with_columns(id=pl.lit("alive")), flat])
    both = prepare(read_series(source, Columns(target="value")), WindowPlan(4, 12, 12))
    naive = Naive(shape_of(both))
    naive.fit(both.train, both.validation)
    alone = score(TASK.predictions(naive, data(), data().test))["mase"]
    assert score(TASK.predictions(naive, both, both.test))["mase"] == pytest.approx(alone, rel=1e-5)
    with pytest.raises(GatewiseError, match="there is nothing to learn"):
        prepare(read_series(flat, Columns(target="value")), WindowPlan(4, 12, 12))


def test_a_series_that_repeats_exactly_is_measured_by_its_steps():
    months = frame().with_columns(value=pl.Series([3.0, 5.0, 4.0] * 53 + [3.0]) * 1e-12)
    exact = prepare(read_series(months, Columns(target="value")), WindowPlan(4, 12, 3))
    naive = Naive(shape_of(exact))
    naive.fit(exact.train, exact.validation)
    found = score(TASK.predictions(naive, exact, exact.test))
    batch = exact.test.all()
    error = (batch.truth - batch.past[:, -1:, 0]).abs().mean() * float(exact.scales()[1][0])
    changes = np.abs(np.diff([3.0, 5.0, 4.0] * 37)).mean() * 1e-12
    assert found["mase"] == pytest.approx(float(error) / changes, rel=0.01)  # a part ends within a period


def test_each_series_is_measured_in_its_own_unit():
    prepared = data()
    naive = Naive(shape_of(prepared))
    naive.fit(prepared.train, prepared.validation)
    quantiles = forecast_windows(naive, prepared.test)
    assert quantiles.shape == (len(prepared.test), 4, 9)
    forecasts = Forecasts(naive, prepared.test, prepared)
    undone = prepared.undo(quantiles, prepared.test.series)
    assert torch.equal(forecasts.quantiles([3, 1]), undone[[3, 1]])
    together = score(Given(prepared, quantiles))
    assert score(forecasts) == pytest.approx(together, rel=1e-12)


def whole_months(values):
    return pl.DataFrame({"month": frame(steps=len(values))["month"], "value": values})


def read(path, table, **options):
    table.write_csv(path)
    return TASK.read(path, verb_options("train", TASK.options)(horizon=4, context=12, hidden=2, **options))


def test_another_metric_ranks(tmp_path):
    prepared = read(tmp_path / "months.csv", frame(), metric="crps")
    assert [one.name for one in TASK.applicable_metrics(prepared)] == [
        "crps", "mase", "smape", "rmse", "coverage"
    ]  # fmt: skip
    runner = Runner(TASK, prepared, Quiet(), {})
    comparison = runner.ranked(list(runner.baselines(TASK.baselines(prepared))))
    costs = [result.scores["crps"] for result in comparison.results]
    assert costs == sorted(costs)
    assert comparison.verdict == f"ridge has the lowest CRPS, {costs[0]:.3g}."
    options = verb_options("train", TASK.options)(horizon=4, metric="crps")
    network, preprocessing = comparison.best.network, TASK.preprocessing(prepared, options)
    model = SavedModel("forecast", "ridge", network, preprocessing)
    assert TASK.load_for_evaluation(model, tmp_path / "months.csv").metric == "crps"


def test_zeros_are_left_out_of_the_mape_and_counted(tmp_path):
    values = np.round(seasonal()) - 10
    prepared = read(tmp_path / "months.csv", whole_months(values), metric="mape")
    windows = np.lib.stride_tricks.sliding_window_view(values[prepared.plan.borders(160)[1] :], 4)
    assert TASK.caption(prepared).endswith(
        f"; MAPE leaves out the steps whose true value is zero: {(windows == 0).sum()}"
    )
    naive = Naive(shape_of(prepared))
    naive.fit(prepared.train, prepared.validation)
    last = values[prepared.plan.borders(160)[1] - 1 : -4][:, None]
    found = score(TASK.predictions(naive, prepared, prepared.test))["mape"]
    known = windows != 0
    assert found == pytest.approx((np.abs(windows - last)[known] / np.abs(windows)[known]).mean(), rel=1e-5)


def test_a_metric_that_is_undefined_everywhere_is_refused(tmp_path):
    zeros = whole_months(np.where(np.arange(160) < 120, seasonal(), 0))
    for metric, title in (("mape", "MAPE"), ("wql", "WQL")):
        with pytest.raises(GatewiseError) as refused:
            read(tmp_path / "months.csv", zeros, metric=metric)
        assert str(refused.value) == (
            f"every value of the test set is zero, where {title} is undefined; give another --metric"
        )
    for metric, levels, needed in (
        ("winkler", "0.5,0.9", "two levels p and 1 - p, and --levels are 0.5, 0.9"),
        ("crps", "0.5", "more than one level, and --levels are 0.5"),
    ):
        with pytest.raises(GatewiseError) as refused:
            read(tmp_path / "months.csv", frame(), metric=metric, levels=levels)
        assert str(refused.value) == f"--metric {metric} needs {needed}"
