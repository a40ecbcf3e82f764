"""A trained network beside ridge regression: its weight, and the ridge regression of both sets."""

import copy

import pytest
import torch

from gatewise.cells import GRU
from gatewise.tasks.forecast.baselines import Ridge
from gatewise.tasks.forecast.decoder import EncoderDecoderForecastNetwork
from gatewise.tasks.forecast.forecaster import LAYER_WEIGHTS
from gatewise.tasks.forecast.linear import fit_ridge
from gatewise.tasks.forecast.metrics import Forecasts
from gatewise.tasks.forecast.network import ForecastNetwork
from gatewise.tasks.forecast.normalization import normalize, window_units
from gatewise.tasks.forecast.task import TASK, shape_of
from gatewise.tasks.options import verb_options
from tests.series import data, frame

CASES = pytest.mark.parametrize(
    ("kind", "head", "normalization"),
    [
        (ForecastNetwork, "quantiles", "window"),
        (ForecastNetwork, "student-t", "series"),
        (EncoderDecoderForecastNetwork, "quantiles", "series"),
    ],
    ids=["window", "student-t", "decoder"],
)


def build(kind, head="quantiles", normalization="window", refits=False):
    """A network that starts from ridge regression, and its data."""
    prepared = data()
    network = kind(shape_of(prepared), GRU, hidden=4, head=head, normalization=normalization, anchor=True)
    network.initialize(prepared.train, prepared.validation, refits)
    return network.eval(), prepared


def centers(network, batch):
    with torch.no_grad():
        return network.head.center(network(batch.past, batch.future))


def ridge_points(network, linear, batch):
    """The last value, and the changes of ridge regression in the units of each window."""
    units = window_units(batch.past[:, :, 0], network.normalization)
    features = network.skip_features(normalize(batch.past, units), batch.future, batch.static)
    with torch.no_grad():
        return batch.past[:, -1:, 0] + linear(features) * units.scale


@CASES
def test_layers_that_learned_nothing_of_use_have_no_weight(kind, head, normalization):
    network, prepared = build(kind, head, normalization)
    torch.nn.init.constant_(network.head.linear.bias, 3.0)
    network.weigh_layers(prepared.validation)
    assert network.layer_weight == 0
    (details,) = TASK.details(Forecasts(network, prepared.test, prepared), prepared)
    assert details.rows == (("the trained network", "0%"), ("ridge regression", "100%"))
    batch = prepared.test.all()
    expected = ridge_points(network, network.ridge.linear, batch)
    torch.testing.assert_close(centers(network, batch), expected, rtol=1e-4, atol=1e-4)


@CASES
def test_the_weight_is_the_one_with_the_least_error(kind, head, normalization):
    """The truth lies three quarters of the way from ridge regression to the network."""
    network, prepared = build(kind, head, normalization)
    torch.nn.init.normal_(network.head.linear.weight)
    validation, test = prepared.validation, prepared.test.all()
    batch = validation.all()
    trained, ridge = centers(network, batch), ridge_points(network, network.ridge.linear, batch)
    before, anchor = centers(network, test), ridge_points(network, network.ridge.linear, test)

    class Given:
        def blocks(self):
            yield batch._replace(truth=ridge + 0.75 * (trained - ridge))

    network.weigh_layers(Given())
    assert network.layer_weight == 0.75
    assert network.layer_weight in LAYER_WEIGHTS
    torch.testing.assert_close(
        centers(network, test), anchor + 0.75 * (before - anchor), rtol=1e-3, atol=1e-3
    )


def test_a_network_without_rival_keeps_its_forecast():
    network, prepared = build(ForecastNetwork)
    batch = prepared.test.all()
    before = network(batch.past, batch.future)
    network.layer_weight.fill_(1.0)
    torch.testing.assert_close(network(batch.past, batch.future), before)
    plain = ForecastNetwork(shape_of(prepared), GRU, hidden=4, skip="none", anchor=True)
    counts = ForecastNetwork(
        shape_of(prepared), GRU, hidden=4, head="tweedie", normalization="mean", anchor=True
    )
    for other in (plain, counts):
        assert other.layer_weight is None
        assert TASK.details(Forecasts(other, prepared.test, prepared), prepared) == []
        other.weigh_layers(prepared.validation)
        other.refit(prepared.train, prepared.validation)


@CASES
@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_ridge_regression_of_both_sets_moves_the_forecast(kind, head, normalization, weight):
    network, prepared = build(kind, head, normalization, refits=True)
    linear, penalty, _ = network.ridge
    network.layer_weight.fill_(weight)
    network.anchor_weight.copy_((1 - weight) * linear.weight)
    batch = prepared.test.all()
    before = centers(network, batch)
    network.refit(prepared.train, prepared.validation)
    both = copy.deepcopy(linear)
    joined = prepared.train.joined(prepared.validation)
    assert len(joined) == len(prepared.train) + len(prepared.validation)
    fit_ridge(both, joined, prepared.validation, normalization, network.skip_features, (penalty,))
    change = ridge_points(network, both, batch) - ridge_points(network, linear, batch)
    assert change.abs().max() > 1e-3
    torch.testing.assert_close(centers(network, batch) - before, change, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("refits", [False, True])
def test_the_baseline_is_fitted_again_as_the_network_is(refits):
    prepared = data()
    ridge = Ridge(shape_of(prepared), refits=refits)
    ridge.fit(prepared.train, prepared.validation)
    before, offsets = ridge.linear.weight.clone(), ridge.offsets.clone()
    ridge.refit(prepared.train, prepared.validation)
    assert torch.equal(ridge.linear.weight, before) != refits
    assert torch.equal(ridge.offsets, offsets)  # of errors on a set that was not fitted


def test_the_option_reaches_network_and_baseline(tmp_path):
    frame().write_csv(tmp_path / "values.csv")
    for refit in (False, True):
        options = verb_options("train", TASK.options)(horizon=4, context=12, hidden=2, refit_linear=refit)
        prepared = TASK.read(tmp_path / "values.csv", options)
        assert TASK.network(prepared, options, GRU).ridge.refits == refit
        assert TASK.baselines(prepared)["ridge"]().refits == refit
        assert TASK.network(prepared, options, GRU).layer_weight == 1
