"""Estimators: what goes in comes out, and every number is that of the command line."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

import gatewise
from gatewise.errors import GatewiseError
from gatewise.layers.int8 import Int8Layer
from tests.series import frame

SMALL = {"hidden": 4, "epochs": 2, "min_steps_per_epoch": 1, "progress": False}


def waves(count=36, steps=12, channels=2, seed=0):
    """Sequences [N, T, C] of two classes, which differ in the sign of their slope."""
    draw = np.random.default_rng(seed)
    y = np.array(["down", "up"])[np.arange(count) % 2]
    slopes = np.where(y == "up", 1.0, -1.0)[:, None, None]
    ramp = np.linspace(-1, 1, steps)[None, :, None]
    return slopes * ramp + 0.1 * draw.normal(size=(count, steps, channels)), y


@pytest.fixture(scope="module")
def forecaster():
    table = pd.DataFrame(frame().to_dict(as_series=False))
    return gatewise.Forecaster(horizon=4, context=12, cell="gru", **SMALL).fit(table)


def test_a_forecast_is_a_table_of_the_library_of_the_input(forecaster):
    found = forecaster.predict()
    assert isinstance(found, pd.DataFrame)
    assert len(found) == 4
    assert isinstance(forecaster.predict(frame(steps=150)), pl.DataFrame)


def test_an_estimator_shows_what_differs_from_the_defaults(forecaster):
    shown = repr(forecaster)
    assert "horizon=4" in shown
    assert "learning_rate" not in shown
    assert clone(forecaster).get_params() == forecaster.get_params()


def test_scores_figures_and_reports_are_values(forecaster):
    assert forecaster.comparison_.table["model"].to_list()[0]
    assert forecaster.score() == -forecaster.comparison_.table.filter(model="gru")["mase"][0]
    assert forecaster.plot().axes
    assert "<iframe" in forecaster.inspect(0)._repr_html_()
    assert {"gate", "change"} <= set(forecaster.ablate().columns)
    assert "<table>" in forecaster.comparison_._repr_html_()
    prediction = forecaster.prediction()
    assert "<table" in prediction._repr_html_()
    assert prediction.about in prediction._repr_html_()


def test_a_saved_model_predicts_the_same(forecaster, tmp_path):
    forecaster.save(tmp_path / "model")
    loaded = gatewise.load(tmp_path / "model")
    assert repr(loaded) == repr(forecaster.set_params(progress=True))
    new = frame()
    assert loaded.predict(new).equals(forecaster.predict(new))


def test_a_quantized_copy_predicts_nearly_the_same_and_is_saved(forecaster, tmp_path):
    small, new = forecaster.quantize(), frame()
    assert all(one.is_int8 for one in small.network_.modules() if isinstance(one, Int8Layer))
    assert {one.kind for one in small.network_.quantization.layers} == {"Recurrent"}
    assert not any(one.is_int8 for one in forecaster.network_.modules() if isinstance(one, Int8Layer))
    small.save(tmp_path / "small")
    predicted = small.predict(new)
    assert gatewise.load(tmp_path / "small").predict(new).equals(predicted)
    errors = predicted["q0.1"] - forecaster.predict(new)["q0.1"]
    assert 0 < errors.abs().max() < 0.05 * new["value"].std()
    forecaster.evaluate()
    with pytest.raises(GatewiseError, match="no scores and figures of its own"):
        small.evaluate()


def test_an_unfitted_estimator_is_one_clear_error():
    with pytest.raises(NotFittedError, match="not fitted"):
        gatewise.Forecaster(horizon=4).predict()
    with pytest.raises(TypeError, match="needs the option 'horizon'"):
        gatewise.Forecaster()
    with pytest.raises(TypeError, match="has no option 'horizn'"):
        gatewise.Forecaster(horizon=4, horizn=3)


def test_an_error_speaks_of_the_table_that_was_given():
    with pytest.raises(gatewise.GatewiseError, match="the DataFrame has no column 'price'"):
        gatewise.Forecaster(horizon=4, progress=False).fit(frame(), target="price")


@pytest.mark.parametrize("layout", ["NTC", "NCT"])
def test_a_classifier_keeps_scikit_learns_contract(layout):
    X, y = waves()
    X = X.transpose(0, 2, 1) if layout == "NCT" else X
    model = gatewise.Classifier(**SMALL).fit(X, y, layout=layout)
    assert model.classes_.tolist() == ["down", "up"]
    chances = model.predict_proba(X, layout=layout)
    assert chances.shape == (36, 2)
    np.testing.assert_allclose(chances.sum(1), 1, atol=1e-5)
    assert model.predict(X, layout=layout).tolist() == model.classes_[chances.argmax(1)].tolist()
    assert model.score(X, y, layout=layout) == np.mean(model.predict(X, layout=layout) == y)


def test_a_classifier_is_cross_validated():
    X, y = waves(24)
    model = gatewise.Classifier(hidden=4, epochs=1, min_steps_per_epoch=1, progress=False)
    scores = cross_val_score(model, X, y, cv=2)
    assert scores.shape == (2,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_comparison_from_python_is_that_of_the_command_line(tmp_path):
    frame().write_csv(tmp_path / "series.csv")
    options = {"horizon": 4, "context": 12, "hidden": 4, "epochs": 1, "cells": ["rnn"], "seeds": 1}
    from_table = gatewise.compare("forecast", frame(), progress=False, **options)
    from_path = gatewise.compare("forecast", tmp_path / "series.csv", progress=False, **options)
    drop = lambda one: one.table.drop("seconds")  # noqa: E731
    assert drop(from_table).equals(drop(from_path))
    assert "wins" in from_table.verdict or "suffices" in from_table.verdict
