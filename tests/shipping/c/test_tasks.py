"""Trained models in C, beside Python."""

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from gatewise.cli.main import main
from tests.shipping.c.compiled import Library, expected
from tests.shipping.stepping import SMALL, classifier, forecaster, generator, months, walks

LEAKY = """
from gatewise.cells import *
class Leaky(Cell):
    'A tanh unit with one gate that mixes old and new.'
    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    g = tanh(W.g @ x + R.g @ prev.h)
    h = f * prev.h + (1 - f) * g
"""


def stepwise(model):
    return model._task.stepwise(model.model_)


def check(model, rows, tmp_path, tolerance=1e-6, **options):
    """The exported file returns what the model returns for each step of a sequence."""
    files, step = model.export(tmp_path / "model.c", **options), stepwise(model)
    states = dict(zip(step.state_names, step.initial_states(), strict=True))
    own = expected(step, [row.unsqueeze(0) for row in rows], states)
    library = Library(tmp_path / "model.c", files.state, rows.dtype, own)
    found = torch.stack([library.step(row) for row in rows])
    torch.testing.assert_close(found, own, rtol=tolerance, atol=tolerance, equal_nan=True)
    library.reset()
    torch.testing.assert_close(library.step(rows[0]), own[0], rtol=tolerance, atol=tolerance, equal_nan=True)
    return files


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "mean", "cell": "mine.py:Leaky"},
        pytest.param({"pooling": "last"}, marks=pytest.mark.thorough),
        pytest.param({"pooling": "attention", "cell": "mlstm"}, marks=pytest.mark.thorough),
    ],
)
def test_a_classifier(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(LEAKY)
    model, (values, _) = classifier.__wrapped__(**options), walks()  # of a file in this folder
    files = check(model, torch.from_numpy(values[0]), tmp_path)
    assert "y[1]: flat" in files.header.read_text()
    probabilities = model.predict_proba(values[:1])
    assert probabilities.shape == (1, 3)


def test_a_classifier_of_missing_values(tmp_path):
    values, labels = walks()
    values[::2, 3:6, 0] = np.nan
    options = {"network": "stack", "bidirectional": False, "fill": "mask", "cell": "grud", "pooling": "max"}
    model = gw.Classifier(**options, epochs=1, **SMALL).fit(values, labels)
    check(model, torch.from_numpy(values[0]), tmp_path)


@pytest.mark.thorough
def test_a_labeller(tmp_path):
    values, _ = walks()
    model = gw.Labeler(bidirectional=False, epochs=1, layers=2, **SMALL).fit(
        values, (values[:, :, 0] > 1000) * 1
    )
    check(model, torch.from_numpy(values[0]).float(), tmp_path)


@pytest.mark.parametrize(
    "options", [{"tied": True, "layers": 2}, pytest.param({"network": "blocks"}, marks=pytest.mark.thorough)]
)
def test_a_generator_of_text(options, tmp_path):
    check(generator(**options), torch.tensor([1, 4, 5, 6, 2]), tmp_path)


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        ({"log": "always", "head": "student-t"}, 1e-6),
        pytest.param({"heads": 2, "layers": 2}, 1e-6, marks=pytest.mark.thorough),
        pytest.param({"head": "tweedie"}, 2e-5, marks=pytest.mark.thorough),  # steep beside P(0)
    ],
)
def test_a_forecaster(options, tolerance, tmp_path):
    series = months(("a",)).with_row_index("step").select("step", "sales")
    model = forecaster(series, time="step", refit=False, **options)
    check(model, torch.tensor(series["sales"].to_numpy()).unsqueeze(1), tmp_path, tolerance)


def test_a_forecaster_of_several_series_with_covariates(tmp_path):
    random = np.random.default_rng(0)
    table = months().with_columns(
        price=pl.Series(random.normal(size=120)), kind=pl.col("store").replace({"a": "x", "b": "y"})
    )
    model = forecaster(table, known=["price"], static=["kind"], id="store", network="encoder-decoder")
    step = stepwise(model)
    rows = torch.rand(20, step.example.shape[1], dtype=torch.float64) + 1
    files = check(model, rows, tmp_path)
    header = files.header.read_text()
    assert "double scale[3];" in header
    assert "float static_[" in header
    assert '"b": [' in header  # the scale of the other series


@pytest.mark.thorough
def test_a_regressor_and_a_generator_of_vectors(tmp_path):
    values, _ = walks()
    model = gw.Regressor(bidirectional=False, cell="slstm", epochs=1, **SMALL).fit(
        values, values.mean((1, 2))
    )
    check(model, torch.from_numpy(values[0]), tmp_path)
    paths = [one.cumsum(0) for one in np.random.default_rng(0).normal(size=(20, 30, 3))]
    generator = gw.VectorGenerator(epochs=1, **SMALL).fit(paths)
    step = stepwise(generator)
    check(generator, torch.rand(20, *step.example.shape[1:]).to(step.example.dtype) * 3, tmp_path)


def test_a_detector(tmp_path):
    series = months(("a",), 160).select("month", "sales")
    detector = gw.AnomalyDetector(context=14, epochs=1, **SMALL).fit(series, time="month", target="sales")
    step = stepwise(detector)
    check(detector, torch.rand(20, step.example.shape[1], dtype=torch.float64) * 50, tmp_path, tolerance=3e-6)


def test_quantiles_of_counts_are_refused(tmp_path):
    series = months(("a",)).with_row_index("step").select("step", pl.col("sales").round())
    model = forecaster(series, time="step", refit=False, head="negative-binomial")
    with pytest.raises(
        gw.GatewiseError, match="of counts need SciPy; train it with --head quantiles, or exp"
    ):
        model.export(tmp_path / "model.c")


def test_int8_weights_are_a_fourth_and_change_little(tmp_path):
    model, (values, _) = classifier(hidden=48), walks()
    rows, step = torch.from_numpy(values[0]), stepwise(model)
    states = dict(zip(step.state_names, step.initial_states(), strict=True))
    own = expected(step, [row.unsqueeze(0) for row in rows], states)
    whole, small = (model.export(tmp_path / f"{name}.c", quantize=name) for name in (None, "int8"))
    assert small.constants < 0.35 * whole.constants
    library = Library(small.source, small.state, rows.dtype, own)
    found = torch.stack([library.step(row) for row in rows])
    assert 0 < (found - own).abs().max() < 0.01


def test_models_that_read_whole_sequences_are_refused(tmp_path):
    with pytest.raises(gw.GatewiseError, match=r"a C file runs step by step, and .* bidirectional=False"):
        classifier(bidirectional=True).export(tmp_path / "model.c")
    model = classifier()
    with pytest.raises(gw.GatewiseError, match=r"'2gates' is no name in C; use one such as model.c"):
        model.export(tmp_path / "2gates.c")
    with pytest.raises(gw.GatewiseError, match=r"there is no format for '.*model.tar' to export to"):
        model.export(tmp_path / "model.tar")
    assert not list(tmp_path.iterdir())
    (tmp_path / "model.h").write_text("/* of somebody else */")
    with pytest.raises(gw.GatewiseError, match=r"model.h' exists and was not written by gatewise"):
        model.export(tmp_path / "model.c")


def test_the_command_line_writes_the_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    classifier().save("run")
    with pytest.raises(SystemExit) as end:
        main(["export", "run", "--to", "c", "--out", "gesture.c", "--quantize", "int8"])
    assert end.value.code == 0
    assert "wrote gesture.c and gesture.h" in capsys.readouterr().out
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-c", "gesture.c"], check=True)
    assert (
        "void gesture_step(gesture_state *state, const double *x, float *y);" in Path("gesture.h").read_text()
    )
