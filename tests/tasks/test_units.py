"""The unit of the data changes no score: picoamperes are learned and judged as amperes are."""

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest

from gatewise.tasks.classify import task as classify
from gatewise.tasks.forecast import task as forecast
from gatewise.tasks.generate_vectors import task as generate_vectors
from gatewise.tasks.label import task as label
from gatewise.tasks.options import verb_options
from gatewise.tasks.regress import task as regress
from gatewise.tasks.serialization import load_model
from gatewise.training import commands as jobs
from gatewise.training import runs
from tests import pens, series, signals
from tests.tasks.classify import test_task as test_classify
from tests.tasks.regress import test_task as test_regress

# Powers of two change no digit, so that all computed from scaled values is equal bit for bit.
UNITS = {"1e-12": 2.0**-40, "1e-30": 2.0**-100, "1e12": 2.0**40}
TASKS = {
    "forecast": (
        forecast.TASK,
        series.frame,
        ("value",),
        {"horizon": 4, "context": 12, "min_steps_per_epoch": 1},
    ),
    "classify": (classify.TASK, test_classify.frame, ("x", "y"), {"min_steps_per_epoch": 1}),
    "regress": (
        regress.TASK,
        lambda: test_regress.frame().drop("level", "person"),
        ("x", "noise", "target"),
        {"min_steps_per_epoch": 1},
    ),
    "label": (label.TASK, lambda: signals.motifs(16), ("a", "b"), {"min_steps_per_epoch": 1}),
    "generate": (generate_vectors.TASK, lambda: pens.strokes(12), ("x", "y"), {"components": 1}),
}
SCALED_SCORES = ("rmse", "mae", "pinball")  # in the unit of the data
OPTIONS = {"cell": "rnn", "hidden": 4, "epochs": 1}


def trained(task, table, folder, options):
    """The scores by the candidates' names, and what the network predicts."""
    folder.mkdir()
    path = folder / "data.csv"
    table.write_csv(path)
    chosen = verb_options("train", task.options)(**OPTIONS, **options)
    run = runs.begin("train", task, path, chosen, folder / "run")
    runs.write(run)
    comparison = jobs.train(run, task.read(run.data, run.options), series.Quiet())
    predicted = task.predict(load_model(folder / "run"), path).frame
    return {one.name: one.scores for one in comparison.results}, predicted


@pytest.fixture(scope="module")
def in_units(tmp_path_factory):
    """Results by task, in the data's own unit."""
    folder = tmp_path_factory.mktemp("units")
    return {
        name: trained(task, make(), folder / name, options)
        for name, (task, make, _, options) in TASKS.items()
    }


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", TASKS)
def test_scores_and_predictions_are_those_of_any_other_unit(in_units, name, unit, tmp_path):
    (task, make, columns, options), factor = TASKS[name], UNITS[unit]
    table = make().with_columns(pl.col(columns).cast(pl.Float64) * factor)
    scores, predicted = trained(task, table, tmp_path / "other", options)
    expected, expected_prediction = in_units[name]
    for who, own in expected.items():
        for metric, value in own.items():
            assert np.isfinite(value), (who, metric)
            assert scores[who][metric] == value * (factor if metric in SCALED_SCORES else 1), (who, metric)
    for column in predicted.select(cs.float()).columns:
        in_unit = name == "forecast" or (name in ("generate", "regress") and column in columns)
        np.testing.assert_allclose(
            predicted[column], expected_prediction[column] * (factor if in_unit else 1), rtol=1e-6
        )


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_a_series_of_tiny_values_is_not_won_by_the_naive_forecast(in_units, factor, tmp_path):
    table = series.frame().with_columns(pl.col("value") * factor)
    scores, _ = trained(forecast.TASK, table, tmp_path / "other", TASKS["forecast"][3])
    for who in ("naive", "seasonal-naive", "ridge"):
        assert scores[who]["mase"] == pytest.approx(in_units["forecast"][0][who]["mase"], rel=1e-5)
    assert min(scores, key=lambda one: scores[one]["mase"]) != "naive"
