"""Forecasts with static columns, from the table to the backtest."""

import numpy as np
import polars as pl
import pytest
import torch

from gatewise.cells import GRU
from gatewise.data.series.windows import WindowBatch
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.baselines import Ridge, WindowMLP
from gatewise.tasks.forecast.decoder import EncoderDecoderForecastNetwork
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import ForecastNetwork, GridForecastNetwork
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.series import frame
from tests.tasks.forecast.test_baselines import Given
from tests.tasks.running import evaluate, execute

TrainOptions = verb_options("train", TASK.options)
SMALL = {"horizon": 4, "context": 12, "epochs": 1, "hidden": 4, "patience": 2, "cell": "gru"}
SHAPE = ForecastShape(context=6, horizon=3, known=2, observed=1, static=3)
UNSEEN = "categories of the static column 'kind' that are not in the training set count as unseen: 'new'"


@pytest.mark.parametrize(
    "make",
    [
        lambda skip: ForecastNetwork(SHAPE, GRU, hidden=4, skip=skip, front="convolution"),
        lambda skip: ForecastNetwork(SHAPE, GRU, hidden=4, skip=skip, dilations=(1, 2)),
        lambda skip: EncoderDecoderForecastNetwork(SHAPE, GRU, hidden=4, skip=skip),
        lambda skip: GridForecastNetwork(SHAPE, hidden=4, skip=skip),
        lambda skip: WindowMLP(SHAPE, hidden=9, skip=skip),
    ],
    ids=["convolution", "dilated", "encoder-decoder", "grid", "mlp"],
)
@pytest.mark.parametrize("skip", ["linear", "none"])
def test_every_network_learns_from_static_inputs(make, skip):
    network = make(skip)
    static = torch.randn(3, 3, requires_grad=True)
    raw = network(torch.randn(3, 6, 4), torch.randn(3, 3, 2), static)
    network.head.loss(raw, torch.randn(3, 3)).backward()
    assert (static.grad != 0).any(0).all()
    assert all((one.grad != 0).any() for one in network.parameters())


def test_ridge_regression_finds_the_effect_of_a_category():
    def windows(count):
        past, future = torch.randn(count, 6, 4), torch.randn(count, 3, 2)
        static = torch.eye(3)[torch.randint(2, (count,))]
        truth = past[:, -1:, 0] + static @ torch.tensor([[1.0, 2, 3], [-1, 0, 1], [9, 9, 9]])
        return WindowBatch(past, future, truth, torch.zeros(count).long(), static)

    ridge = Ridge(SHAPE, "series")
    ridge.fit(Given(windows(300)), Given(windows(50)))
    test = windows(20)
    torch.testing.assert_close(ridge.point(*test.inputs), test.truth, atol=0.02, rtol=0)
    unseen = ridge.point(test.past, test.future, torch.eye(3)[[2] * 20]) - test.past[:, -1:, 0]
    torch.testing.assert_close(unseen, torch.tensor([0.0, 1, 2]).expand(20, 3), atol=0.05, rtol=0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on three series of two kinds, and the table."""
    folder = tmp_path_factory.mktemp("statics")
    parts = [
        frame(seed=seed).with_columns(id=pl.lit(f"s{seed}"), kind=pl.lit("ab"[seed % 2]), size=pl.lit(seed))
        for seed in range(3)
    ]
    table = folder / "values.parquet"
    pl.concat(parts).write_parquet(table)
    options = TrainOptions(**SMALL, id="id", target="value", static="kind,size", freeze=())
    comparison = execute(TASK, "train", table, folder / "run", options)
    return comparison, folder / "run", table


def test_statics_go_all_the_way(trained):
    comparison, folder, table = trained
    assert "static columns: 2 categories of 'kind', 'size'" in comparison.data.notes
    model = load_model(folder)
    assert model.network.embedding.in_features == 3 + 1
    assert comparison.data.train.all().static[:, :3].unique(dim=0).tolist() == [[0, 1, 0], [1, 0, 0]]
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in evaluate(TASK, folder, table).results} == scores
    example = TASK.example(model, table, 0)
    assert example.name == "s0 (kind 'a', size 0), window 0 of the test set"
    attribution = example.attribute(None)
    assert attribution.baseline == "where every input is at its mean, with the same static columns"
    assert np.isfinite(attribution.steps).all()
    backtest = TASK.backtest(model, table, windows=2)
    assert backtest.overall.keys() == scores.keys()


def test_the_static_columns_of_a_series_move_its_forecast(trained, tmp_path):
    _, folder, table = trained
    model, whole = load_model(folder), pl.read_parquet(table)
    forecast = TASK.predict(model, table)
    assert forecast.warnings == ()
    other = tmp_path / "other.parquet"
    kinds = pl.col("id").replace_strict({"s0": "b", "s1": "b", "s2": "new"})
    whole.with_columns(kind=kinds).write_parquet(other)
    changed = TASK.predict(model, other)
    assert changed.warnings == (UNSEEN,)
    differs = (changed.frame["value"] != forecast.frame["value"]).to_list()
    assert differs == [True] * 4 + [False] * 4 + [True] * 4


def test_statics_are_kept_where_a_model_is_trained_further(trained, tmp_path):
    _, folder, table = trained
    later = tmp_path / "later.parquet"
    pl.read_parquet(table).with_columns(kind=pl.lit("new")).write_parquet(later)
    options = TrainOptions(**SMALL, id="id", target="value", static="kind,size")
    data = TASK.load_for_fine_tuning(load_model(folder), later, options)
    assert UNSEEN in data.notes
    assert data.test.all().static[:, :3].unique(dim=0).tolist() == [[0, 0, 1]]


def test_static_columns_with_one_value_are_noted(tmp_path):
    table = tmp_path / "values.parquet"
    frame().with_columns(kind=pl.lit("a")).write_parquet(table)
    data = TASK.read(table, TrainOptions(**SMALL, target="value", static="kind"))
    assert "static columns without influence, with one value in all series: 'kind'" in data.notes


def test_a_new_series_is_forecast_from_its_history_and_its_static_columns(trained, tmp_path):
    """A series of which a few values are known has a scale as the others, whatever its unit."""
    _, folder, table = trained
    new = pl.read_parquet(table).filter(id="s1").with_columns(kind=pl.lit("a"), size=pl.lit(2))
    parts = [
        new[:steps].with_columns(id=pl.lit(f"n{steps}"), value=100 * pl.col("value")) for steps in (1, 9)
    ]
    path = tmp_path / "new.parquet"
    pl.concat([new.with_columns(id=pl.lit("whole")), *parts]).write_parquet(path)
    predicted = TASK.predict(load_model(folder), path)
    assert predicted.warnings == (
        "3 of 3 series are not in the training set, and are scaled by their own values: 'whole', 'n1', 'n9'",
        "2 of 3 series are shorter than the context of 12 steps, and padded with their first value: 'n1', "
        "'n9'",
    )
    first = predicted.frame.filter(pl.col("id") == "n1")
    assert first["month"].dt.strftime("%Y-%m").to_list() == ["1990-02", "1990-03", "1990-04", "1990-05"]
    assert predicted.frame.filter(pl.col("id") != "whole")["value"].is_between(700, 1300).all()
    assert {one.name for one in evaluate(TASK, folder, path).results} >= {"ridge", "gru"}
    short = tmp_path / "short.parquet"
    parts[0].write_parquet(short)  # one row alone
    alone = TASK.predict(load_model(folder), short).frame
    np.testing.assert_allclose(alone["value"], first["value"], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"value": pl.lit(None, pl.Float64)},
            "column 'value' is empty; no row of its series has a value; give one, or remove the series",
        ),
        ({"month": pl.int_range(pl.len())}, "trained on steps of one month; {} has steps of one unit"),
        (
            {"month": pl.Series(["2020-01", "2020-03"])},
            "1 missing between 2020-01-01 and 2020-03-01 in series",
        ),
    ],
)
def test_short_tables_that_are_refused(trained, tmp_path, change, message):
    _, folder, table = trained
    path = tmp_path / "new.parquet"
    pl.read_parquet(table)[:2].with_columns(**change).write_parquet(path)
    with pytest.raises(GatewiseError) as refused:
        TASK.predict(load_model(folder), path)
    assert message.format(path) in str(refused.value)
