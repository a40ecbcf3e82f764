"""Forecasts of counts and of amounts with many zeros."""

import polars as pl
import pytest
import torch

from gatewise.cells import find_cell
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.normalization import window_units
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.series import intermittent
from tests.tasks.running import evaluate, execute

TrainOptions = verb_options("train", TASK.options)
SMALL = {"horizon": 7, "context": 14, "hidden": 4, "cell": "gru"}
HEADS = ["negative-binomial", "tweedie"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "sold.csv"
    intermittent().write_csv(path)
    return path


@pytest.mark.parametrize(
    "head", [HEADS[0], *(pytest.param(one, marks=pytest.mark.thorough) for one in HEADS[1:])]
)
def test_counts_go_all_the_way(tmp_path, table, head):
    options = TrainOptions(**SMALL, head=head, max_steps=40, learning_rate=0.01)
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    assert "each window is scaled by its own mean" in comparison.data.notes[-2]
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in evaluate(TASK, tmp_path / "run", table).results} == scores
    assert scores["gru"]["pinball"] < scores["naive"]["pinball"]
    forecast = TASK.predict(load_model(tmp_path / "run"), table).frame
    quantiles = forecast.select("q0.1", "q0.4", "sold", "q0.6", "q0.9").to_numpy()
    assert (quantiles >= 0).all()
    assert (quantiles[:, 1:] >= quantiles[:, :-1]).all()
    whole = forecast.schema["sold"] == pl.Int64
    assert whole == (head == "negative-binomial")
    weekend = pl.col("day").dt.weekday() > 5
    assert forecast.filter(weekend)["q0.9"].mean() > 1.5 * forecast.filter(~weekend)["q0.9"].mean()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("network", ["stack", "encoder-decoder", "grid"])
def test_no_mean_is_negative(table, head, network):
    """Whatever the linear skip forecasts."""
    options = TrainOptions(**SMALL, head=head, network=network)
    data = TASK.read(table, options)
    model = TASK.network(data, options, find_cell("gru"))
    torch.nn.init.constant_(model.skip.bias, -100.0)
    batch = data.test.all()
    raw = model(batch.past, batch.future)
    assert (model.head.center(raw) > 0).all()
    model.loss(batch).backward()
    assert all(one.grad.isfinite().all() for one in model.parameters())


def test_windows_of_counts_keep_their_zero():
    level, scale = window_units(torch.tensor([[0.0, 0.0], [2.0, 6.0]]), "mean")
    assert level.tolist() == [[0.0], [0.0]]
    assert scale.tolist() == [[1.0], [5.0]]


@pytest.mark.parametrize(
    ("head", "value", "kind"),
    [
        ("negative-binomial", -1.0, "counts"),
        ("negative-binomial", 1.5, "counts"),
        ("tweedie", -0.5, "values that are not negative"),
    ],
)
def test_values_that_a_distribution_does_not_have(tmp_path, table, head, value, kind):
    execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL, head=head, max_steps=1))
    changed = intermittent().with_columns(pl.col("sold").cast(pl.Float64))
    changed[5, "sold"] = value
    changed.write_csv(tmp_path / "changed.csv")
    expected = (
        f"series 'sold' has the value {value:g} at 2021-01-09; this --head is a distribution of {kind}: "
        "train a model with --head quantiles"
    )
    for use in (
        lambda: TASK.read(tmp_path / "changed.csv", TrainOptions(**SMALL, head=head)),
        lambda: TASK.predict(load_model(tmp_path / "run"), tmp_path / "changed.csv"),
    ):
        with pytest.raises(GatewiseError) as error:
            use()
        assert str(error.value) == expected


def test_amounts_that_are_no_counts_have_a_tweedie_distribution(tmp_path):
    table = tmp_path / "rain.csv"
    intermittent().with_columns(pl.col("sold") * 0.37).write_csv(table)
    data = TASK.read(table, TrainOptions(**SMALL, head="tweedie"))
    assert data.learned.series["sold"].mean == 0
    training = data.source.series[0].target[: data.plan.borders(400)[0]]
    assert data.learned.series["sold"].deviation == pytest.approx(training.mean())


@pytest.mark.parametrize("option", [{"normalization": "window"}, {"log": "always"}])
def test_options_that_a_distribution_of_counts_excludes(option):
    with pytest.raises(GatewiseError, match="--head tweedie scales each window by its mean; leave out"):
        TASK.check(TrainOptions(**SMALL, head="tweedie", **option), find_cell("gru"))
