"""Missing values that are masked: no target, no score, and networks read when the last value was."""

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.cells import GRU, GRUD
from gatewise.data.series.scaling import learn_scale
from gatewise.data.series.series import read_series
from gatewise.data.series.windows import WindowBatch, Windows
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.baselines import Naive, Ridge
from gatewise.tasks.forecast.data import prepare, shape_of
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.metrics import Forecasts, score
from gatewise.tasks.forecast.network import STATIC_SIZE, ForecastNetwork
from gatewise.tasks.forecast.normalization import window_units
from gatewise.tasks.forecast.plan import WindowPlan
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.series import frame, seasonal
from tests.tasks.running import evaluate, execute

PLAN, COLUMNS = WindowPlan(3, 6, 12), Columns(time="t", target="y")
GAPS = (20, 21, 22, 50, 90, 91, 130, 155)


def masked(gaps=GAPS, steps=160, fill="mask"):
    values = seasonal(steps)
    values[list(gaps)] = np.nan
    table = pl.DataFrame({"t": range(steps), "y": values}).fill_nan(None)
    return read_series(table, COLUMNS, fill=fill)


def test_a_masked_value_is_no_truth_and_the_last_one_is_read():
    data, values = prepare(masked(), PLAN), seasonal()
    scale = data.learned.series["y"]
    assert scale == learn_scale(np.delete(values[: data.plan.borders(160)[0]], GAPS[:6]))
    assert data.learned.observed_inputs(COLUMNS) == ["observed", "steps since the last value"]
    batch = data.train[15]  # reads the steps 15 to 20, and forecasts 21 to 23
    assert batch.truth.isnan().tolist() == [True, True, False]
    np.testing.assert_allclose(scale.undo(batch.past[-2:, 0].numpy()), values[[19, 19]], rtol=1e-5)
    assert batch.past[:, 1].tolist() == [1, 1, 1, 1, 1, 0]
    after = data.train[17].past  # the steps 17 to 22
    torch.testing.assert_close(after[:, 2], torch.tensor([0.0, 0, 0, 1, 2, 3]).log1p())
    assert "missing values that are masked: 8; none is a target, and networks read the last one" in data.notes
    assert torch.equal(
        prepare(masked(()), PLAN).train.all().truth, prepare(masked((), fill=None), PLAN).train.all().truth
    )


def test_windows_that_are_sampled_or_joined_are_masked_too():
    data = prepare(masked(), PLAN)
    missing = data.train.all().truth.isnan().sum()
    assert data.train.sample(10**6).joined(data.test).all().truth.isnan().sum() > missing == 18
    sampled = data.train.sample(50)
    assert sampled.all().truth.isnan().sum() > 0


@pytest.mark.parametrize("head", ["quantiles", "student-t", "negative-binomial", "tweedie"])
def test_a_masked_truth_has_no_loss(head):
    network = ForecastNetwork(ForecastShape(6, 3), GRU, hidden=4, head=head, normalization="mean")
    truth = torch.arange(15.0).view(5, 3)
    there = truth % 4 != 0
    past, future, static = torch.rand(5, 6, 1), torch.empty(5, 3, 0), torch.empty(5, 0)
    batch = WindowBatch(past, future, truth.masked_fill(~there, torch.nan), None, static)
    loss = network.loss(batch)
    torch.testing.assert_close(loss, network.head.loss(network(*batch[:2])[there], truth[there]))
    loss.backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in network.parameters())
    nothing = network.loss(batch._replace(truth=torch.full((5, 3), torch.nan)))
    assert nothing == 0


def test_the_errors_of_a_baseline_are_those_of_what_is_observed():
    data = prepare(masked(), PLAN)
    naive = Naive(shape_of(data))
    naive.fit(data.train, data.validation)
    batch = data.validation.all()
    errors = (batch.truth - batch.past[:, -1:, 0])[:, 1]
    errors = errors[~errors.isnan()]
    assert batch.truth.isnan().any()
    torch.testing.assert_close(naive.offsets[1], torch.quantile(torch.cat([errors, -errors]), naive.levels))


def test_ridge_regression_is_fitted_to_what_is_observed():
    values = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))
    for step in range(2, 2000):
        values[step] += 0.6 * values[step - 1] + 0.3 * values[step - 2]
    missing = torch.arange(2000) % 7 < 2
    starts, series = torch.arange(1990), torch.zeros(1990, dtype=torch.long)
    points = []
    for truth in (None, values[:, 0].masked_fill(missing, torch.nan)):
        windows = Windows(values, starts, series, 6, 3, 0, truth)
        ridge = Ridge(ForecastShape(6, 3), "series")
        ridge.fit(windows, windows)
        batch = windows.all()
        points.append(ridge.point(batch.past, batch.future))
    error = (values[:, 0].unfold(0, 3, 1)[6:-2] - points[0]).abs().mean()
    assert (points[0] - points[1]).abs().mean() < 0.1 * error


def test_scores_leave_out_what_is_masked():
    data = prepare(masked(), PLAN)
    ridge = Ridge(shape_of(data), "series")
    ridge.fit(data.train, data.validation)
    scores = score(Forecasts(ridge, data.test, data))
    median = data.undo(ridge.quantiles(ridge(*data.test.all()[:2])), data.test.all().series)[..., 4].numpy()
    truth, first = seasonal(), data.plan.borders(160)[1]
    steps = first + np.arange(160 - first - 2)[:, None] + np.arange(3)
    errors = np.abs(truth[steps] - median)[~np.isin(steps, GAPS)]
    assert np.isin(steps, GAPS).any()
    training = np.where(np.isin(np.arange(first), GAPS), np.nan, truth[:first])[: data.plan.borders(160)[0]]
    unit = np.nanmean(np.abs(training[12:] - training[:-12]))
    assert scores["mase"] == pytest.approx(errors.mean() / unit, rel=1e-4)


def test_a_set_without_a_truth_at_some_step_is_refused():
    with pytest.raises(
        GatewiseError, match="every value of the test set at step 1 of the horizon is missing; give"
    ):
        prepare(masked(range(136, 159)), PLAN)


@pytest.mark.parametrize("normalization", ["window", "series", "mean"])
def test_the_layers_of_gru_d_read_decayed_values_the_mask_and_times(normalization):
    shape, seen = ForecastShape(6, 3, known=1, observed=2, static=2), []
    network = ForecastNetwork(shape, GRUD, hidden=4, normalization=normalization, front="none", decay=True)
    network.recurrent.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    observed = torch.tensor([1.0, 1, 0, 0, 1, 0])
    values = torch.tensor([2.0, 3, 3, 3, 5, 5])
    since = torch.tensor([0.0, 0, 1, 2, 0, 1])
    past = torch.stack([values, torch.arange(6.0), observed, since.log1p()], dim=-1)[None]
    with gatewise.backend("reference"):
        network(past, torch.zeros(1, 3, 1), torch.zeros(1, 2))
    units = window_units(values[None], normalization)
    level = {"window": values.mean(), "series": 0.0, "mean": values.mean()}[normalization]
    steps = torch.tensor([0.0, 1, 1, 2, 3, 1])  # since the last value before a step
    kept = torch.where(observed > 0, 1, (-network.decay.decay.weight * steps).exp())
    decayed = (level + kept * (values - level) - units.level[0]) / units.scale[0]
    last = (values[-1] - units.level[0]) / units.scale[0]
    read = seen[0][:, 0]
    torch.testing.assert_close(read[:, 0], decayed - last)
    torch.testing.assert_close(read[:, 1], decayed)
    torch.testing.assert_close(read[:, 2:4], past[0, :, 1:3])
    torch.testing.assert_close(read[:, -1], steps)
    assert read.shape[1] == network.recurrent.input_size == 5 + STATIC_SIZE
    assert network.recurrent.reads[:4].equal((torch.arange(21) == 20).float().expand(4, -1))


def test_gru_d_needs_a_mask():
    with pytest.raises(GatewiseError, match=r'the cell GRUD reads the time since .* give fill="mask", or'):
        gatewise.Forecaster(horizon=3, cell="grud").fit(frame())
    with pytest.raises(GatewiseError, match=r'GRUD decays .* give network="stack" without dilations'):
        gatewise.Forecaster(horizon=3, cell="grud", fill="mask", network="encoder-decoder").fit(frame())


@pytest.mark.parametrize(
    ("network", "cell"), [("stack", "gru"), ("encoder-decoder", "gru"), ("stack", "grud")]
)
def test_a_mask_goes_all_the_way(tmp_path, network, cell):
    table = tmp_path / "values.csv"
    gap = pl.int_range(pl.len()).is_in(GAPS)
    frame().with_columns(value=pl.when(~gap).then("value")).write_csv(table)
    options = verb_options("train", TASK.options)(
        horizon=3, context=12, cell=cell, hidden=4, epochs=2, fill="mask", network=network
    )
    with gatewise.backend("reference"):
        _assert_the_mask_is_read(table, tmp_path, options)


def _assert_the_mask_is_read(table, tmp_path, options):
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    scores = {one.name: one.scores for one in comparison.results}
    assert all(np.isfinite(list(one.values())).all() for one in scores.values())
    assert {one.name: one.scores for one in evaluate(TASK, tmp_path / "run", table).results} == scores
    model = load_model(tmp_path / "run")
    assert TASK.predict(model, table).frame["value"].is_between(7, 13).all()
    assert TASK.predict_future(model, table, samples=5).frame.height == 15
    names = [track.name for track in TASK.example(model, table, 0).tracks[-2:]]
    assert names == ["observed", "steps since the last value"]
