"""Ensembles: several stacks with one forecast."""

import pytest
import torch

import gatewise
from gatewise.cells import GRU
from gatewise.data.series.windows import WindowBatch
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.ensemble import ForecastEnsemble
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import ForecastNetwork
from gatewise.tasks.forecast.options import ForecastOptions
from gatewise.tasks.serialization import load_model
from tests.series import data, frame, intermittent

SHAPE = ForecastShape(12, 4, 12, data().train.known)
OPTIONS = {"horizon": 4, "context": 12, "hidden": 2, "max_steps": 20, "cell": "gru", "progress": False}


@pytest.fixture(autouse=True)
def _reference():
    with gatewise.backend("reference"):
        yield


def alone(network):
    """The members of an ensemble as networks of their own, all with its linear skip."""
    own = {name: value for name, value in network.state_dict().items() if not name.startswith("others.")}
    options = {name: value for name, value in network.options().items() if name != "members"}
    found = [ForecastNetwork.from_options(options) for _ in range(3)]
    shared = {name: value for name, value in own.items() if name.startswith("skip.")}
    found[0].load_state_dict(own)
    for one, other in zip(found[1:], network.others, strict=True):
        one.load_state_dict({**other.state_dict(), **shared})
    return found


@pytest.mark.parametrize("options", [{}, {"layers": 2, "front": "convolution"}, {"dilations": (1, 2)}])
def test_quantiles_are_the_mean_of_those_of_the_members(options):
    network, batch = ForecastEnsemble(3, SHAPE, GRU, hidden=4, **options), data().train.all()
    network.initialize(data().train, data().validation)
    members = [one.quantiles(one(*batch.inputs)) for one in alone(network)]
    assert not torch.allclose(members[0], members[1])
    mean = torch.stack(members).mean(0)
    torch.testing.assert_close(network.quantiles(network(*batch.inputs)), mean)


def test_each_member_is_trained_by_its_own_loss():
    network, batch = ForecastEnsemble(3, SHAPE, GRU, hidden=4), data().train.all()
    members = alone(network)
    own = [WindowBatch(*(part[number::3] for part in batch)) for number in range(3)]
    losses = torch.stack([one.loss(part) for one, part in zip(members, own, strict=True)])
    torch.testing.assert_close(network.loss(batch), losses.mean())
    network.loss(batch).backward()
    assert all(one.grad is not None and one.grad.any() for one in network.parameters())
    few = WindowBatch(*(part[:2] for part in batch))
    torch.testing.assert_close(network.loss(few), torch.stack([one.loss(few) for one in members]).mean())
    losses = torch.stack([one.loss(batch) for one in members])
    assert network.eval().loss(batch) < losses.mean()  # the loss of the mean forecast is convex


@pytest.mark.parametrize("examples", [80, 500, 50_000])
def test_each_member_has_the_windows_steps_and_epochs_of_a_network_alone(examples):
    one, five = (ForecastOptions(horizon=4, ensemble=count) for count in (1, 5))
    assert five.batch_size_for(examples) == 5 * one.batch_size_for(examples)
    assert five.steps_of_epoch(examples) == pytest.approx(one.steps_of_epoch(examples), rel=0.2)
    assert five.max_epochs(examples) == one.max_epochs(examples)
    assert ForecastOptions(horizon=4, ensemble=2, batch_size=8).batch_size_for(10_000) == 16


def test_an_ensemble_goes_all_the_way(tmp_path):
    model = gatewise.Forecaster(**OPTIONS, ensemble=3, out=tmp_path / "run").fit(frame(), target="value")
    one = gatewise.Forecaster(**{**OPTIONS, "max_steps": 1}, baselines=False, refit=False)
    single = one.fit(frame(), target="value")
    sizes = [found.comparison_.chosen_network.parameters for found in (model, single)]
    assert sizes[0] > 1.9 * sizes[1]
    loaded = load_model(tmp_path / "run")
    assert isinstance(loaded.network, ForecastEnsemble)
    assert isinstance(loaded.refitted.network, ForecastEnsemble)
    again = gatewise.load(tmp_path / "run")
    assert again.predict(frame()).equals(model.predict())
    assert again.predict(frame(), samples=2).height == 8
    assert again.score(frame()) == pytest.approx(model.score())
    assert again.set_params(warm_start=True, max_steps=1).fit(frame()).predict().height == 4


def test_frozen_modules_stay_in_every_member(tmp_path):
    options = {**OPTIONS, "ensemble": 3, "baselines": False, "refit": False, "max_steps": 2}
    gatewise.Forecaster(**options, out=tmp_path / "run").fit(frame(), target="value")
    before = load_model(tmp_path / "run").network.state_dict()
    further = gatewise.load(tmp_path / "run").set_params(warm_start=True, freeze=["recurrent"], out=None)
    after = further.fit(frame()).network_.state_dict()
    stay = {name for name in before if "recurrent." in name}
    assert {name.partition("recurrent.")[0] for name in stay} == {"", "others.0.", "others.1."}
    assert all(torch.equal(after[name], before[name]) for name in stay)
    assert not torch.equal(after["others.1.head.linear.weight"], before["others.1.head.linear.weight"])
    wrong = gatewise.load(tmp_path / "run").set_params(warm_start=True, freeze=["layers"], out=None)
    with pytest.raises(GatewiseError, match="no parameters 'layers' to freeze; the network has") as error:
        wrong.fit(frame())
    assert "recurrent" in str(error.value)
    assert "others" not in str(error.value)


def test_baselines_are_trained_as_without_an_ensemble():
    options = {**OPTIONS, "cells": ["gru"], "seeds": 1, "max_steps": 4}
    del options["cell"]
    found = [
        gatewise.compare("forecast", frame(), target="value", **options, ensemble=count) for count in (1, 2)
    ]
    perceptrons = [next(one for one in made.results if one.name == "mlp") for made in found]
    assert perceptrons[0].scores == perceptrons[1].scores


@pytest.mark.parametrize("head", ["negative-binomial", "tweedie", "student-t"])
def test_other_distributions_are_averaged(head):
    options = {**OPTIONS, "head": head, "ensemble": 2, "baselines": False, "refit": False}
    found = gatewise.Forecaster(**options).fit(intermittent(), target="sold").predict()
    assert head == "student-t" or (found["sold"] >= 0).all()
    assert (head == "negative-binomial") == found["sold"].dtype.is_integer()


def test_other_networks_have_no_ensemble():
    with pytest.raises(GatewiseError, match='ensemble=2 is of stacks; leave out network="grid"'):
        gatewise.Forecaster(**{**OPTIONS, "cell": "lstm"}, ensemble=2, network="grid").fit(frame())
