"""The forecasting task from file to files, in Python."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from gatewise.cells import find_cell
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError
from gatewise.report.report import inspect_example
from gatewise.tasks.config import resolve
from gatewise.tasks.forecast.data import Preprocessing
from gatewise.tasks.forecast.latest import latest
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import load_model
from gatewise.training import runs
from gatewise.training.commands import compare
from tests.series import Quiet, frame
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"horizon": 4, "context": 12, "epochs": 2, "hidden": 4, "patience": 2}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "values.csv"
    frame().write_csv(path)
    return path


def predict(folder, table):
    return TASK.predict(load_model(folder), table).frame


def test_train_evaluate_predict(tmp_path, table):
    folder = tmp_path / "run"
    options = TrainOptions(**SMALL, cell="gru", head="student-t")
    comparison = execute(TASK, "train", table, folder, options)
    assert {one.name for one in comparison.results} == {"naive", "seasonal-naive", "ridge", "gru"}
    names = {"config.yaml", "run.json", "metrics.csv", "checkpoints", "model.json", "model.safetensors"}
    names |= {"refit", "refit.json", "refit.safetensors"}
    assert names | {"leaderboard.csv", "result.json"} == {one.name for one in folder.iterdir()}
    again = evaluate(TASK, folder, table)
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in again.results} == scores
    forecast = predict(folder, table)
    around = [f"q0.{tenth}" for tenth in range(1, 10) if tenth != 5]
    assert forecast.columns == ["series", "month", "value", *around]
    assert forecast["month"].dt.strftime("%Y-%m").to_list() == ["2003-05", "2003-06", "2003-07", "2003-08"]
    assert (forecast["q0.1"] <= forecast["value"]).all()
    assert forecast["value"].is_between(8, 12).all()


@pytest.mark.parametrize("head", ["quantiles", "student-t"])
def test_levels_go_all_the_way(tmp_path, table, head):
    options = TrainOptions(**SMALL, cell="gru", head=head, levels="0.95, 0.05, 0.8")
    assert options.budget_notes(100)[-1] == "the level 0.5 is added: the median is the point forecast"
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    assert comparison.metrics[-1].title == "coverage 90%"
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in evaluate(TASK, tmp_path / "run", table).results} == scores
    predicted = TASK.predict(load_model(tmp_path / "run"), table)
    assert predicted.frame.columns == ["series", "month", "value", "q0.05", "q0.8", "q0.95"]
    rising = predicted.frame.select("q0.05", "value", "q0.8", "q0.95").to_numpy()
    assert (np.diff(rising, axis=1) >= 0).all()
    by = "; by the network trained on all data"
    assert predicted.about.endswith(f"the median, and the quantiles 0.05 to 0.95{by}")
    names = [line.name for line in TASK.example(load_model(tmp_path / "run"), table, 0).tracks[0].lines]
    assert names == ["given", "true", "median", "5% quantile", "95% quantile"]


def test_dilated_layers_go_all_the_way(tmp_path, table):
    options = TrainOptions(**SMALL, cell="gru", dilations="1,2,4")
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    assert "dilated-gru" in {one.name for one in comparison.results}
    model = load_model(tmp_path / "run")
    assert model.network.recurrent.dilations == (1, 2, 4)
    assert TASK.predict(model, table).frame["value"].is_between(8, 12).all()
    example = TASK.example(model, table, 0)
    layers = inspect_example(model.network, example, "dilated-gru").inspection.layers
    assert [one.states["h"].shape[1] for one in layers] == [12, 6, 3]


@pytest.mark.parametrize("other", [{"network": "grid"}, {"network": "encoder-decoder"}, {"layers": 2}])
def test_dilations_are_those_of_a_stack(other):
    with pytest.raises(
        GatewiseError, match="--dilations gives a layer for each number, of a stack; leave out"
    ):
        TASK.check(TrainOptions(**SMALL, dilations="1,2", **other), find_cell("gru"))


@pytest.mark.parametrize("levels", ["0.1,1", "0,0.5", "a", ()])
def test_levels_that_are_refused(levels):
    with pytest.raises(GatewiseError, match=r"^option levels"):
        resolve(TrainOptions, None, {**SMALL, "levels": levels})


@pytest.mark.parametrize(
    ("network", "front", "name"),
    [
        ("encoder-decoder", "convolution", "conv-decoder-gru"),
        ("grid", "convolution", "conv-grid-gru"),
    ],
)
def test_other_networks_go_all_the_way(tmp_path, table, network, front, name):
    options = TrainOptions(**SMALL, cell="gru", network=network, front=front)
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in evaluate(TASK, tmp_path / "run", table).results} == scores
    assert name in scores
    assert predict(tmp_path / "run", table)["value"].is_between(8, 12).all()


def test_data_that_the_model_cannot_read_are_refused(tmp_path, table):
    folder = tmp_path / "run"
    execute(TASK, "train", table, folder, TrainOptions(**SMALL))
    daily = tmp_path / "daily.csv"
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 6, 8), eager=True)
    frame().with_columns(month=days).write_csv(daily)
    for ask in (lambda: predict(folder, daily), lambda: evaluate(TASK, folder, daily)):
        with pytest.raises(GatewiseError, match=r"trained on steps of one month; .* has steps of one day"):
            ask()
    early = tmp_path / "early.csv"
    frame()[:100].write_csv(early)
    with pytest.raises(GatewiseError, match="and the model has seen values up to"):
        evaluate(TASK, folder, early)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(table.read_text().replace("2000-03", "soon", 1))
    with pytest.raises(GatewiseError, match=r"--time-format .*; a model has the options of its training"):
        predict(folder, wrong)


def test_forecasts_start_after_the_last_value_of_each_series(tmp_path):
    whole = frame().with_columns(pl.lit("a").alias("id"))
    blank = pl.when(pl.int_range(pl.len()).is_between(8, 140)).then("value").alias("value")
    table = tmp_path / "values.csv"
    pl.concat([whole, whole.with_columns(blank, id=pl.lit("b"))]).write_csv(table)
    execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL, fill="seasonal"))
    predicted = TASK.predict(load_model(tmp_path / "run"), table)
    first = predicted.frame.group_by("id", maintain_order=True).first()
    assert first["month"].dt.strftime("%Y-%m").to_list() == ["2003-05", "2001-10"]
    assert predicted.about.startswith("8 rows from 2001-10-01 to 2003-08-01")
    assert predicted.warnings == (
        "missing values that were cut off: 8 at the beginning and 19 at the end of 'b'",
    )


def test_series_that_are_too_short_to_learn_from_are_forecast(tmp_path):
    table, ahead = tmp_path / "values.csv", tmp_path / "ahead.csv"
    whole = frame().with_columns(pl.lit("a").alias("id"), price=pl.int_range(pl.len()))
    values = pl.concat([whole, whole[:5].with_columns(id=pl.lit("b"))])
    values.write_csv(table)
    options = TrainOptions(**SMALL, known="price", target="value")
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    assert [one.id for one in comparison.data.source.series] == ["a"]
    names = pl.col("id").replace_strict({"a": 150, "b": 1, "c": 0})  # the steps with a value
    values = pl.concat([values, whole[:4].with_columns(id=pl.lit("c"))])
    blank = pl.when(pl.int_range(pl.len()).over("id") < names).then("value")
    values.with_columns(blank.alias("value")).write_csv(ahead)
    predicted = TASK.predict(load_model(tmp_path / "run"), ahead)
    assert predicted.frame["id"].to_list() == ["a"] * 4 + ["b"] * 4
    assert predicted.warnings == (
        "1 of 3 series have no value and no forecast: 'c'",
        "series 'a' ends at 2002-06-01, and the network trained on all data has seen values up to "
        "2003-04-01: the network that was scored forecasts instead",
        "1 of 2 series are not in the training set, and are scaled by their own values: 'b'",
        "1 of 2 series are shorter than the context of 12 steps, and padded with their first value: 'b'",
    )


def test_categories_and_booleans_go_all_the_way(tmp_path):
    table, ahead = tmp_path / "values.csv", tmp_path / "ahead.csv"
    month = pl.int_range(pl.len())
    words = pl.when(month % 12 == 11).then(pl.lit("peak")).otherwise(pl.lit("usual"))
    whole = frame().with_columns(
        season=words, promo=pl.when(month % 5 == 0).then(pl.lit("yes")).otherwise(pl.lit("no"))
    )
    whole.write_csv(table)
    options = TrainOptions(**SMALL, target="value", known="season", observed="promo", categorical="season")
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    assert comparison.data.train.known == 2 + 2  # the year, and two categories
    model = load_model(tmp_path / "run")
    names = [track.name for track in TASK.example(model, table, 0).tracks[1:]]
    assert names == ["sine of the year", "cosine of the year", "season: peak", "season: usual", "promo"]
    cells = {"value": None, "season": "new", "promo": None}
    later = [{"month": f"2003-{month:02d}", **cells} for month in range(5, 9)]
    pl.concat([whole, pl.DataFrame(later, schema=whole.schema)]).write_csv(ahead)
    predicted = TASK.predict(model, ahead)
    assert predicted.frame.height == 4
    assert predicted.warnings == (
        "categories of column 'season' that are not in the training set count as none: 'new'",
    )


def test_whole_numbers_as_times_are_compared_as_numbers(tmp_path):
    numbered = frame().with_row_index("time").select("time", "value")
    table, later = tmp_path / "values.csv", tmp_path / "later.csv"
    numbered.write_csv(table)
    numbered.with_columns(pl.col("time") + 960).write_csv(later)  # "1100" comes before "135" as text
    execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL))
    assert len(evaluate(TASK, tmp_path / "run", later).results) >= 3


def test_forecasts_are_written_in_the_form_that_was_read(tmp_path):
    """Monthly values of a zone an hour ahead of UTC."""
    months = frame().select(pl.col("month").str.to_date("%Y-%m"), "value")[:96]
    forms = {
        "+01:00": "%Y-%m-%dT%H:%M:%S+01:00",
        "Z": "%Y-%m-%d %H:%M:%SZ",
        "day": "%d.%m.%Y",
        "none": "%Y%m",
    }
    for name, form in forms.items():
        (tmp_path / name).mkdir()
        table = tmp_path / name / "values.csv"
        months.with_columns(pl.col("month").cast(pl.Datetime).dt.to_string(form)).write_csv(table)
        options = TrainOptions(**{**SMALL, "epochs": 1})
        if name == "+01:00":
            execute(TASK, "train", table, tmp_path / "run", options)
        predicted = TASK.predict(load_model(tmp_path / "run"), table)
        predicted.frame.write_csv(tmp_path / "forecast.csv", datetime_format=predicted.time_format)
        found = pl.read_csv(tmp_path / "forecast.csv", infer_schema=False)["month"].to_list()
        last = months["month"][-1]
        ahead = pl.date_range(last, last.replace(year=last.year + 1), "1mo", eager=True)[1:5]
        assert found == ahead.cast(pl.Datetime).dt.to_string(form).to_list()


def test_a_short_new_series_is_scaled_by_all_it_has(tmp_path, table):
    execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL))
    model = load_model(tmp_path / "run")
    high = read_series(frame()[-16:].with_columns(pl.col("value") + 1000), Columns(target="value"))
    unseen = replace(high, series=tuple(replace(one, id="unseen") for one in high.series))
    scale = latest(
        unseen,
        load_preprocessing(Preprocessing, model).plan,
        load_preprocessing(Preprocessing, model).learned,
    ).scales[0]
    assert scale.mean == pytest.approx(unseen.series[0].target.mean())


def test_compare_and_go_on_with_it(tmp_path, table):
    folder = tmp_path / "run"
    options = CompareOptions(**SMALL, cells=("rnn", "peephole"), seeds=2)
    comparison = execute(TASK, "compare", table, folder, options)
    assert {one.name for one in comparison.results if not one.baseline} == {"rnn", "peephole"}
    assert {one.name: one.trainings for one in comparison.results}["mlp"] == 2
    trainings = sorted(one.name for one in (folder / "trainings").iterdir())
    assert trainings == ["mlp-0", "mlp-1", "peephole-0", "peephole-1", "rnn-0", "rnn-1"]
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("best.ckpt")}
    (folder / "trainings" / "rnn-1" / "result.json").unlink()
    run = runs.resume("compare", TASK, folder)
    again = compare(run, TASK.read(run.data, run.options), Quiet())
    before, after = ({one.name: one.scores for one in output.results} for output in (comparison, again))
    assert after == before
    assert kept == {path: path.stat().st_mtime_ns for path in folder.rglob("best.ckpt")}


def test_many_series_with_covariates(tmp_path):
    table = tmp_path / "many.parquet"
    parts = [frame(seed=seed).with_columns(id=pl.lit(f"s{seed}")) for seed in range(3)]
    whole = pl.concat(parts).with_row_index("row").with_columns(price=pl.col("row") % 7 * 1.0)
    future = whole.group_by("id", maintain_order=True).tail(4).with_columns(
        month=pl.Series([f"2003-0{month}" for month in (5, 6, 7, 8)] * 3), value=pl.lit(None, pl.Float64)
    )  # fmt: skip
    pl.concat([whole, future.select(whole.columns)]).drop("row").write_parquet(table)
    options = TrainOptions(**SMALL, known=("price",), time="month", target="value")
    comparison = execute(TASK, "train", table, tmp_path / "run", options)
    assert len(comparison.data.source.series) == 3
    forecast = predict(tmp_path / "run", table)
    assert forecast.height == 12
    assert forecast["id"].unique(maintain_order=True).to_list() == ["s0", "s1", "s2"]


def test_a_saved_run_contains_the_cell_of_a_file(tmp_path, table):
    source = tmp_path / "own.py"
    source.write_text(
        "from gatewise.cells import Cell, W, R, prev, sigmoid, tanh, x\n"
        "class Own(Cell):\n"
        "    '''My idea.'''\n"
        "    state = ('h',)\n"
        "    f = sigmoid(W.f @ x + R.f @ prev.h)\n"
        "    h = f * prev.h + (1 - f) * tanh(W.g @ x)\n"
    )
    options = TrainOptions(**SMALL, cell=f"{source}:Own")
    assert find_cell(options.cell).about == "My idea."
    execute(TASK, "train", table, tmp_path / "run", options)
    source.unlink()
    assert predict(tmp_path / "run", table).height == 4
    assert list(runs.resume("train", TASK, tmp_path / "run").cells) == ["Own"]


def test_runs_that_can_not_begin_or_go_on(tmp_path, table):
    options = TrainOptions(**SMALL)
    folder = tmp_path / "run"
    runs.write(runs.begin("train", TASK, table, options, folder))
    with pytest.raises(
        GatewiseError, match="is not empty; give another --out, or continue the run with --resume"
    ):
        runs.write(runs.begin("train", TASK, table, options, folder))
    with pytest.raises(GatewiseError, match="two of the cells are called 'lstm'"):
        runs.begin(
            "compare", TASK, table, CompareOptions(**SMALL, cells=("lstm", "LSTM")), tmp_path / "other"
        )
    with pytest.raises(GatewiseError, match="there is no cell 'lstn'"):
        runs.begin("train", TASK, table, TrainOptions(**SMALL, cell="lstn"), tmp_path / "other")
    with pytest.raises(
        GatewiseError, match="has a run of 'train forecast'; resume it with gatewise train forecast"
    ):
        runs.resume("compare", TASK, folder)
    with pytest.raises(GatewiseError, match="has no run to resume"):
        runs.resume("train", TASK, tmp_path)
    table.write_text(table.read_text() + "2003-05,9.0\n")
    with pytest.raises(GatewiseError, match="are missing or have changed; start a new run"):
        runs.resume("train", TASK, folder)
    assert not (tmp_path / "other").exists()


def test_a_run_s_description_executes_nothing(tmp_path, table):
    runs.write(runs.begin("train", TASK, table, TrainOptions(**SMALL), tmp_path / "run"))
    path = tmp_path / "run" / "run.json"
    description = json.loads(path.read_text())
    description["cells"]["lstm"]["lines"]["i"] = ["__import__", ["x"]]
    path.write_text(json.dumps(description))
    with pytest.raises(GatewiseError, match="has no run to resume"):
        runs.resume("train", TASK, tmp_path / "run")
