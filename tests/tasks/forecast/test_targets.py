"""Forecasts of several targets by one network."""

import numpy as np
import polars as pl
import pytest

from gatewise.errors import GatewiseError
from gatewise.tasks.anomaly.task import TASK as ANOMALY
from gatewise.tasks.forecast.backtest_plots import draw_forecasts
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.series import frame
from tests.tasks.running import evaluate, execute

TrainOptions = verb_options("train", TASK.options)
SMALL = {"horizon": 4, "context": 12, "epochs": 1, "hidden": 4, "patience": 2, "cell": "gru", "log": "never"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on two targets of two shops, in different units, and the table."""
    folder = tmp_path_factory.mktemp("targets")
    parts = [
        frame(seed=seed).with_columns(shop=pl.lit(f"s{seed}"), weight=1000 * frame(seed=seed + 5)["value"])
        for seed in range(2)
    ]
    table = folder / "values.parquet"
    pl.concat(parts).write_parquet(table)
    options = TrainOptions(**SMALL, id="shop", target=["value", "weight"], observed="value,weight")
    return execute(TASK, "train", table, folder / "run", options), folder / "run", table


def test_several_targets_go_all_the_way(trained):
    comparison, folder, table = trained
    assert len(comparison.data.source.series) == 4
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in evaluate(TASK, folder, table).results} == scores
    model = load_model(folder)
    predicted = TASK.predict(model, table)
    levels = [f"q0.{tenth}" for tenth in range(1, 10) if tenth != 5]
    of_targets = [[name, *(f"{name}_{level}" for level in levels)] for name in ("value", "weight")]
    assert predicted.frame.columns == ["shop", "month", *of_targets[0], *of_targets[1]]
    assert predicted.frame["shop"].to_list() == ["s0"] * 4 + ["s1"] * 4
    assert predicted.frame["value"].is_between(8, 12).all()
    assert predicted.frame["weight"].is_between(8000, 12000).all()
    assert predicted.about.endswith(
        "the quantiles 0.1 to 0.9 of each target; by the network trained on all data"
    )
    paths = TASK.predict_future(model, table, samples=3).frame
    assert paths.columns == ["shop", "month", "sample", "value", "weight"]
    assert paths.height == 2 * 4 * 3
    assert TASK.example(model, table, 0).name == "s0 / value (target 'value'), window 0 of the test set"
    assert TASK.backtest(model, table, windows=2).scores["series"].drop_nulls().n_unique() == 4


def test_figures_and_reports_name_the_target(trained):
    comparison, folder, table = trained
    assert TASK.draw(comparison)[0].figure.axes[0].get_ylabel() == "value"
    model = load_model(folder)
    example = TASK.example(model, table, len(comparison.data.test) - 1)
    assert example.tracks[0].name == "weight"
    assert draw_forecasts(TASK.backtest(model, table, windows=1)).axes[0].get_ylabel() == "value"
    assert comparison.data.source.columns.target != "value"  # the column that is made


def test_scores_are_those_of_each_target_too(trained):
    comparison, data = trained[0], trained[0].data
    best = next(one for one in comparison.results if one.name == "gru")
    details = TASK.details(TASK.predictions(best.network, data, data.test), data)
    assert details[0].title == "by target"
    assert details[0].header == ("", "MASE", "sMAPE", "RMSE", "pinball", "coverage 80%")
    names, mase, _, rmse = list(zip(*details[0].rows, strict=True))[:4]
    assert names == ("value", "weight")
    assert np.mean([float(one) for one in mase]) == pytest.approx(best.scores["mase"], abs=1e-3)
    assert float(rmse[0]) < 1 < float(rmse[1])
    total = np.sqrt(np.mean([float(one) ** 2 for one in rmse]))
    assert total == pytest.approx(best.scores["rmse"], rel=1e-3)
    assert "errors with a unit, such as RMSE, are means over targets" in TASK.caption(data)


def test_an_anomaly_detector_has_one_target(trained):
    _, _, table = trained
    options = verb_options("train", ANOMALY.options)(id="shop", target="value,weight")
    with pytest.raises(
        GatewiseError, match="expected one column for --target, got value, weight; --wide col"
    ):
        ANOMALY.read(table, options)
