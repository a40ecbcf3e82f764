"""Forecasts with static columns, from the table to the backtest."""

import numpy as np
import polars as pl
import pytest
import torch

from gatewise.cells import GRU
from gatewise.data.series.windows import WindowBatch
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
SMALL = {"horizon": 4, "context": 12, "epochs": 2, "hidden": 4, "patience": 2, "cell": "gru"}
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
