"""The task of predicting numbers from sequences, from file to files and on arrays."""

import json

import numpy as np
import polars as pl
import pytest

import gatewise
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError
from gatewise.tasks.options import verb_options
from gatewise.tasks.regress.data import RegressData, read_data
from gatewise.tasks.regress.options import RegressOptions
from gatewise.tasks.regress.task import TASK
from gatewise.tasks.serialization import load_model
from tests.tasks.running import evaluate, execute

TrainOptions = verb_options("train", TASK.options)
SMALL = {"epochs": 1, "min_steps_per_epoch": 1, "hidden": 3, "cell": "rnn"}
QUICK = {**SMALL, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def _reference():
    with gatewise.backend("reference"):
        yield


def frame(sequences=40, seed=0, first=0):
    """Sequences of two channels in mixed rows, with their mean slope and their level as targets."""
    random = np.random.default_rng(seed)
    parts = []
    for number in range(first, first + sequences):
        steps, slope, level = np.arange(random.integers(4, 9)), *random.normal(size=2).round(4)
        x = slope * steps + level + 0.01 * random.normal(size=len(steps))
        noise = random.normal(size=len(steps))
        parts.append(
            {"id": f"s{number}", "t": steps.tolist(), "x": x.tolist(), "noise": noise.tolist(),
             "target": 1000 * slope, "level": level, "person": f"p{number // 4}"}
        )  # fmt: skip
    whole = pl.DataFrame(parts).explode("t", "x", "noise")
    return whole[random.permutation(whole.height)]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "slopes.csv"
    frame().drop("level", "person").write_csv(path)
    return path


def scores(comparison):
    return {result.name: result.scores for result in comparison.results}


def test_train_evaluate_predict(tmp_path, table):
    folder = tmp_path / "run"
    comparison = execute(TASK, "train", table, folder, TrainOptions(**SMALL))
    assert set(scores(comparison)) == {"mean", "ridge", "nearest", "minirocket", "rnn"}
    assert scores(comparison)["ridge"]["r2"] > 0.8
    assert scores(comparison)["mean"]["r2"] < 0.1
    data = comparison.data
    numbers = [set(one.numbers.tolist()) for one in (data.train, data.validation, data.test)]
    assert [len(one) for one in numbers] == [28, 6, 6]
    assert len(set.union(*numbers)) == 40
    targets = dict(frame().select("id", "target").iter_rows())
    own = np.array([targets[data.train.table.ids[number]] for number in data.train.numbers])
    assert data.preprocessing.target_scales[0].mean == pytest.approx(own.mean())  # of the training set alone
    assert data.preprocessing.target_scales[0].deviation == pytest.approx(own.std())
    np.testing.assert_allclose(data.train.targets[:, 0], (own - own.mean()) / own.std(), rtol=1e-4)

    again = evaluate(TASK, folder, table)
    assert scores(again) == {"rnn": scores(comparison)["rnn"]}
    assert "the test set is 6 sequences that the model has not seen" in again.data.notes

    predicted = TASK.predict(load_model(folder), table)
    assert predicted.about == "target of 40 sequences"
    assert predicted.frame.columns == ["id", "target"]
    found = dict(predicted.frame.iter_rows())
    ids = [data.test.table.ids[number] for number in data.test.numbers]
    errors = np.array([found[name] - targets[name] for name in ids])
    assert np.sqrt((errors**2).mean()) == pytest.approx(scores(comparison)["rnn"]["rmse"], rel=1e-5)
    assert np.abs(errors).mean() == pytest.approx(scores(comparison)["rnn"]["mae"], rel=1e-5)
    (errors_shown,) = comparison.details
    assert errors_shown.header == ("sequence", "true", "predicted", "error")
    assert errors_shown.rows[0][0] == ids[np.abs(errors).argmax()]


def test_a_model_is_trained_further_on_new_sequences(tmp_path, table):
    model = gatewise.Regressor(**QUICK, baselines=False).fit(table)
    frame(20, seed=3).drop("level", "person").write_csv(tmp_path / "later.csv")
    before = {name: one.clone() for name, one in model.network_.state_dict().items()}
    scales = model.model_.preprocessing["target_scales"]
    model.set_params(warm_start=True).fit(tmp_path / "later.csv")
    assert model.model_.preprocessing["target_scales"] == scales
    assert model.evaluate(tmp_path / "later.csv").data.notes[-1].startswith("the test set is 3 sequences")
    assert any((before[name] != one).any() for name, one in model.network_.state_dict().items())
    archive(tmp_path / "S_TRAIN.ts", frame(20))
    archive(tmp_path / "S_TEST.ts", frame(8, seed=1))
    model = gatewise.Regressor(**QUICK, baselines=False, warm_start=True).fit(tmp_path / "S_TRAIN.ts")
    with pytest.raises(GatewiseError, match=r"the model was trained on all of .*S_TRAIN.ts"):
        model.fit(tmp_path / "S_TRAIN.ts")


def test_weights_count_in_further_training_too(tmp_path):
    path, later = tmp_path / "data.csv", tmp_path / "later.csv"
    weight = pl.col("id").str.slice(1).cast(int) % 3 + 1
    for number, file in enumerate((path, later)):
        frame(12, seed=number).drop("person", "level").with_columns(w=weight).write_csv(file)
    options = RegressOptions(weight="w")
    preprocessing = read_data(path, options).preprocessing
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    data = RegressData.to_train_further(later, preprocessing, options, fractions)
    for split in (data.train, data.validation):
        expected = [(int(split.table.ids[one][1:]) % 3 + 1) / 3 for one in split.numbers]
        np.testing.assert_allclose(split.weights, expected)
    assert data.test.weights is None
    changed = options.model_copy(update={"weight": "v"})
    with pytest.raises(GatewiseError, match="has no column 'v' for the weight; it has"):
        RegressData.to_train_further(later, preprocessing, changed, fractions)


def test_new_data_need_no_targets(tmp_path, table):
    folder, bare = tmp_path / "run", tmp_path / "bare.parquet"
    execute(TASK, "train", table, folder, TrainOptions(**SMALL))
    model = load_model(folder)
    frame().drop("target").write_parquet(bare)
    assert TASK.predict(model, bare).frame.equals(TASK.predict(model, table).frame)
    with pytest.raises(GatewiseError, match=r"bare.parquet has no column 'target' for the target"):
        TASK.load_for_evaluation(model, bare)
    frame(5, seed=1).write_csv(tmp_path / "other.csv")
    comparison = evaluate(TASK, folder, tmp_path / "other.csv")
    assert "the test set is all 5 sequences" in comparison.data.notes


def test_several_targets_are_scored_in_their_own_deviations(tmp_path):
    path = tmp_path / "both.csv"
    frame().drop("person").write_csv(path)
    options = TrainOptions(**SMALL, target=("level", "target"), loss="huber")
    comparison = execute(TASK, "train", path, tmp_path / "run", options)
    data = comparison.data
    assert data.train.table.channels == ("x", "noise")
    predictions = comparison.results[0].predictions
    errors = (predictions.predicted - predictions.truth) / [
        one.deviation for one in data.preprocessing.target_scales
    ]
    assert comparison.results[0].scores["mae"] == pytest.approx(np.abs(errors).mean())
    assert "standard deviations of each target" in TASK.caption(data)
    assert [row[0] for row in comparison.details[0].rows] == ["level", "target"]
    assert [one.get_title(loc="left") for one in comparison.plot().axes] == ["rnn: level", "rnn: target"]
    frame_of_both = TASK.predict(load_model(tmp_path / "run"), path).frame
    assert frame_of_both.columns == ["id", "level", "target"]
    assert load_model(tmp_path / "run").network.loss_kind == "huber"


def archive(path, table, kind="@targetLabel true"):
    """The same sequences as a .ts file, in the order of their ids."""
    lines = [kind, "@data"]
    for _, own in table.sort("t").group_by("id", maintain_order=True):
        channels = [",".join(map(str, own[name])) for name in ("x", "noise")]
        lines.append(":".join([*channels, str(own["target"][0])]))
    path.write_text("\n".join(lines))
    return path


def test_an_archive_with_its_own_test_set(tmp_path):
    path = archive(tmp_path / "Slopes_TRAIN.ts", frame(20))
    other = archive(tmp_path / "Slopes_TEST.ts", frame(8, seed=1))
    comparison = execute(TASK, "train", path, tmp_path / "run", TrainOptions(**SMALL))
    data = comparison.data
    assert [len(one) for one in (data.train, data.validation, data.test)] == [17, 3, 8]
    assert str(other) in data.notes[-1]
    assert sorted(data.test.table.targets[:, 0]) == sorted(frame(8, seed=1).unique("id")["target"])
    with pytest.raises(GatewiseError, match=r"the model was trained on all of .*Slopes_TRAIN.ts"):
        evaluate(TASK, tmp_path / "run", path)
    assert len(TASK.predict(load_model(tmp_path / "run"), other).frame) == 8
    with pytest.raises(GatewiseError, match="is an archive without column names; leave --target out"):
        read_data(path, RegressOptions(target=("x",)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "@classLabel true a b\n@data\n1,2:a\n",
            "line 1: expected numeric targets with @targetLabel, got cl",
        ),
        ("@targetLabel true\n@data\n1,2:3\n1,2:?\n", r"line 4: expected a number as the target.*, got '\?'"),
        ("@targetLabel true\n@data\n1,2:3\n1,2:high\n", "line 4: expected a number as the target.*'high'"),
        ("@targetLabel false\n@data\n1,2\n", "line 3: expected a number as the target.*, got nothing"),
    ],
)
def test_a_wrong_target_of_an_archive_is_found_by_its_line(tmp_path, text, message):
    (tmp_path / "data.ts").write_text(text)
    with pytest.raises(GatewiseError, match=message):
        read_data(tmp_path / "data.ts", RegressOptions())


def test_an_arff_file_has_no_numeric_target(tmp_path):
    (tmp_path / "data.arff").write_text(
        "@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n1,2\n"
    )
    with pytest.raises(GatewiseError, match=r"does not mark its numeric target; save it as .ts"):
        read_data(tmp_path / "data.arff", RegressOptions())


ROWS = "".join(f"{number},{step},{step}.5,{number * 1.5}\n" for number in range(6) for step in (0, 1))
WRONG = {
    "word": ("0,1,1.5,0.0", "0,1,1.5,high", "line 3, column 'y': expected a number, got 'high'"),
    "empty": ("0,1,1.5,0.0", "0,1,1.5,", "line 3, column 'y' is empty: give the target"),
    "two": ("0,1,1.5,0.0", "0,1,1.5,7", "expected the target 0 of the same sequence in line 2, got 7"),
    "constant": (
        ROWS,
        "".join(f"{n},{t},{t},3\n" for n in range(6) for t in (0, 1)),
        "is 3 in all 4 sequences",
    ),
    "few": (ROWS, "1,0,1,1\n1,1,2,1\n2,0,1,2\n2,1,2,2\n", "expected at least 4 sequences .*, got 2"),
    "no name": ("id,t,x,y", "id,t,x,kWh", "has the name of a target; name one with --target"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_table_is_one_clear_line(tmp_path, name):
    old, new, message = WRONG[name]
    text = f"id,t,x,y\n{ROWS}"
    assert old in text
    (tmp_path / "data.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(GatewiseError, match=message) as caught:
        read_data(tmp_path / "data.csv", RegressOptions())
    assert "\n" not in str(caught.value)


def test_whole_numbers_of_few_values_may_be_classes(tmp_path):
    path = tmp_path / "data.csv"
    frame().with_columns(target=pl.col("level").sign().cast(int)).drop("level", "person").write_csv(path)
    notes = read_data(path, RegressOptions()).notes
    assert any("has 2 different values, all whole numbers: if they are classes" in one for one in notes)


def test_a_copy_of_the_target_is_no_channel(tmp_path):
    path = tmp_path / "data.csv"
    frame().with_columns(price=pl.col("target")).drop("person").write_csv(path)
    data = read_data(path, RegressOptions())
    assert data.train.table.channels == ("x", "noise", "level")
    assert "not used: 'price' (--channels adds them)" in data.notes[0]


def test_a_group_is_in_one_set(tmp_path):
    path = tmp_path / "data.csv"
    frame().write_csv(path)
    data = read_data(path, RegressOptions(group="person", channels=("x",)))

    def persons(split):
        return {split.table.groups[number] for number in split.numbers}

    train, validation, test = (persons(one) for one in (data.train, data.validation, data.test))
    assert len(train) + len(validation) + len(test) == len(train | validation | test) == 10
    again = RegressData.to_evaluate(path, data.preprocessing)
    assert again.test.numbers.tolist() == data.test.numbers.tolist()
    assert data.preprocessing.fractions == Fractions(0.15, 0.15)


def test_arrays_of_one_and_of_several_targets():
    X = np.random.default_rng(0).normal(size=(24, 6, 2))
    y = X.mean((1, 2))
    model = gatewise.Regressor(**QUICK, baselines=False).fit(X, y)
    assert model.predict(X).shape == (24,)
    assert model.n_features_in_ == 2
    errors, changes = model.predict(X) - y, y - y.mean()
    assert model.score(X, y) == pytest.approx(1 - (errors**2).sum() / (changes**2).sum())
    both = gatewise.Regressor(**QUICK, baselines=False).fit(list(X), np.stack([y, -y], axis=1))
    assert both.predict(list(X)).shape == (24, 2)
    assert both.model_.preprocessing["targets"] == ("target_1", "target_2")
    with pytest.raises(GatewiseError, match="expected 2 targets for each example as in training, got 1"):
        both.score(X, y)
    with pytest.raises(GatewiseError, match="the targets are not numbers"):
        model.score(X, ["a"] * 24)
    weighted = gatewise.Regressor(**QUICK, baselines=False).fit(X, y, sample_weight=np.arange(24))
    assert (weighted.predict(X) != model.predict(X)).any()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 8, "the targets are not numbers"),
        (np.arange(7), r"expected 8 targets, one for each sequence, .*, got shape \[7\]"),
        ([1.0] * 7 + [np.nan], "target 7: expected a finite number, got nan"),
        (None, "Regressor requires y to be passed, but the target y is None; give a target for each example"),
    ],
)
def test_wrong_targets_of_arrays_are_one_clear_line(y, message):
    with pytest.raises(GatewiseError, match=message):
        gatewise.Regressor(**QUICK).fit(np.random.default_rng(0).normal(size=(8, 4, 1)), y)


def test_a_table_predicts_a_table(tmp_path):
    table = frame().drop("level", "person")
    model = gatewise.Regressor(**QUICK).fit(table.to_pandas())
    found = model.predict(table.to_pandas())
    assert list(found.columns) == ["id", "target"]
    assert model.score() == next(one for one in model.comparison_.results if not one.baseline).scores["r2"]
    figure = model.plot()
    assert [one.get_xlabel() for one in figure.axes] == ["true"]
    model.save(tmp_path / "model")
    assert gatewise.load(tmp_path / "model").predict(table)["target"].to_list() == found["target"].to_list()
    saved = json.loads((tmp_path / "model" / "model.json").read_text())
    assert saved["preprocessing"]["targets"] == ["target"]


def test_r2_needs_targets_that_differ(tmp_path, table):
    folder, other = tmp_path / "run", tmp_path / "other.csv"
    execute(TASK, "train", table, folder, TrainOptions(**SMALL))
    frame(5, seed=1).with_columns(target=2.0).write_csv(other)
    comparison = evaluate(TASK, folder, other)
    assert [one.name for one in comparison.metrics] == ["rmse", "mae"]
    assert comparison.details[0].rows
    assert comparison.plot().axes
