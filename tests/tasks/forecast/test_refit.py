"""The chosen network, trained again on all data, which predicts beyond their end."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.errors import DivergedError, GatewiseError
from gatewise.tasks.serialization import REFITTED_FILES, load_model, save_model
from gatewise.training import fit as training
from tests.series import frame

OPTIONS = {"horizon": 4, "context": 12, "hidden": 2, "max_steps": 40, "progress": False}


def fitted(table, out=None, **more):
    return gatewise.Forecaster(**{**OPTIONS, **more}, out=out).fit(table, target="value")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refit") / "run"
    fitted(frame(), folder)
    return folder


def parameters(model):
    return torch.cat([one.flatten() for one in model.network.parameters()])


def rates(path):
    with path.open() as file:
        return [row["learning_rate"] for row in csv.DictReader(file)]


def test_it_sees_the_end_and_the_scored_network_does_not(run):
    changed = frame().with_columns(
        value=pl.when(pl.int_range(pl.len()) < pl.len() - 4).then("value").otherwise(0.0)
    )
    before, after = load_model(run), fitted(changed).model_
    assert torch.equal(parameters(before), parameters(after))
    assert not torch.equal(parameters(before.refitted), parameters(after.refitted))
    last = before.refitted.preprocessing["learned"]["seen"]["value"]
    assert last > before.preprocessing["learned"]["seen"]["value"]
    kept = {name: value for name, value in before.preprocessing.items() if name != "learned"}
    assert kept.items() <= before.refitted.preprocessing.items()


def test_it_has_the_steps_of_the_best_epoch_and_the_calibration_of_the_scored_one(run):
    model = load_model(run)
    scored, again = rates(run / "metrics.csv"), rates(run / "refit" / "metrics.csv")
    assert 0 < len(again) <= len(scored)
    np.testing.assert_allclose(np.array(again, float), np.array(scored, float)[: len(again)])
    for name in ("stretch", "templates", "layer_weight"):
        assert torch.equal(getattr(model.network, name), getattr(model.refitted.network, name))


def test_it_predicts_beyond_the_end_and_nothing_else(run):
    model, scored = gatewise.load(run), gatewise.load(run)
    scored.model_ = load_model(run).refitted
    prediction = model.prediction(frame())
    assert prediction.about.endswith("the quantiles 0.1 to 0.9; by the network trained on all data")
    assert prediction.frame.equals(scored.prediction(frame()).frame)
    assert model.evaluate(frame()).results[-1].predictions is not None
    with pytest.raises(GatewiseError, match="the model has seen values up to"):
        scored.evaluate(frame())
    assert not model.backtest(frame(), windows=2).warnings


def test_a_backtest_that_trains_at_each_origin_forecasts_as_predict_would(run):
    table = frame()
    backtest = gatewise.load(run).backtest(table, windows=1, refit=True).table
    predicted = fitted(table[:-4]).predict()
    np.testing.assert_allclose(backtest["predicted"], predicted["value"], rtol=1e-6)


def test_data_that_end_earlier_are_forecast_by_the_scored_network(run):
    model, table = gatewise.load(run), frame()
    with pytest.warns(UserWarning, match="the network that was scored forecasts instead"):
        found = model.predict(table[:-4])
    model.model_ = load_model(run)
    object.__setattr__(model.model_, "refitted", None)
    assert found.equals(model.predict(table[:-4]))


def test_new_rows_are_the_past_of_a_forecast(run):
    prediction = gatewise.load(run).prediction(frame(steps=163))
    assert prediction.about.startswith("4 rows from 2003-08-01 to 2003-11-01")
    assert prediction.about.endswith("; by the network trained on all data")
    assert not prediction.warnings


@pytest.mark.parametrize("moment", ["before", "within"])
def test_a_run_that_is_killed_between_scoring_and_the_refit_resumes(run, tmp_path, monkeypatch, moment):
    def cut(done, message):
        if moment == "before" or done > 0.6:
            raise KeyboardInterrupt

    whole = training.fit_again
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit_again", lambda *given: whole(*given[:5], show=cut))
        with pytest.raises(KeyboardInterrupt):
            fitted(frame(), tmp_path / "cut")
    assert load_model(tmp_path / "cut").refitted is None
    with pytest.warns(UserWarning, match=r"refit.json and refit.safetensors of the network trained on all"):
        gatewise.load(tmp_path / "cut").predict(frame())
    again = gatewise.resume(tmp_path / "cut", progress=False)
    assert torch.equal(parameters(again.model_.refitted), parameters(load_model(run).refitted))


def test_a_run_without_it_and_a_folder_that_had_one(run, tmp_path):
    model = gatewise.load(run)
    model.save(tmp_path / "saved")
    copy = load_model(tmp_path / "saved")
    assert torch.equal(parameters(copy.refitted), parameters(load_model(run).refitted))
    without = fitted(frame(), tmp_path / "without", refit=False, max_steps=2)
    assert without.model_.refitted is None
    assert not (tmp_path / "without" / "refit").exists()
    assert without.prediction().about.endswith("the quantiles 0.1 to 0.9")
    save_model(tmp_path / "saved", without.model_)
    assert load_model(tmp_path / "saved").refitted is None


@pytest.mark.parametrize("names", [("refit.json",), ("refit.safetensors",), REFITTED_FILES])
def test_files_that_are_missing_are_named(run, tmp_path, names, capsys):
    for name in {"model.json", "model.safetensors", "config.yaml", *REFITTED_FILES} - {*names}:
        shutil.copy(run / name, tmp_path / name)
    model, scored = gatewise.load(tmp_path), gatewise.load(run)
    scored.model_ = replace(scored.model_, refitted=None)
    sentence = f"{' and '.join(names)} of the network trained on all data"
    with pytest.warns(UserWarning, match=f"^{sentence} .*; restore these files, or resume the run$"):
        found = model.predict(frame())
    assert found.equals(scored.predict(frame()))
    model.save(tmp_path / "again")
    assert load_model(tmp_path / "again").missing == REFITTED_FILES
    model.set_params(warm_start=True, max_steps=1, progress=True).fit(frame())
    assert sentence in " ".join(capsys.readouterr().out.split())


def test_a_comparison_refits_the_network_it_chose(tmp_path):
    options = {**OPTIONS, "progress": False, "max_steps": 4, "seeds": 2, "cells": ["gru", "rnn"]}
    options.pop("progress")
    found = gatewise.compare("forecast", frame(), out=tmp_path / "run", **options, target="value")
    model = load_model(tmp_path / "run")
    assert model.refitted.name == model.name == found.chosen(baseline=False).name
    assert torch.equal(parameters(found.model.refitted), parameters(model.refitted))


def test_further_training_starts_from_both_networks(run):
    model = gatewise.load(run).set_params(warm_start=True, max_steps=1, progress=False)
    before = model.model_
    after = model.fit(frame(), learning_rate=1e-9).model_
    for one, other in ((before, after), (before.refitted, after.refitted)):
        assert torch.allclose(parameters(one), parameters(other), atol=1e-6)
    assert not torch.allclose(parameters(after), parameters(after.refitted), atol=1e-3)


def test_a_refit_that_diverges_is_left_out(tmp_path, monkeypatch):
    def diverge(*given):
        raise DivergedError("the loss became nan at step 3")

    monkeypatch.setattr(training, "fit_again", diverge)
    with pytest.warns(UserWarning, match="left out: the loss became nan at step 3"):
        found = fitted(frame(), tmp_path / "run", max_steps=1).model_
    assert found.refitted is None
    assert not load_model(tmp_path / "run").missing
