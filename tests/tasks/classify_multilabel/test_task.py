"""The task of sequences with any number of labels, from file to files and on arrays."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.metrics import accuracy_score, f1_score, hamming_loss

import gatewise
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError
from gatewise.estimators.outputs import write_table
from gatewise.tasks.classify_multilabel.baselines import MostFrequentLabels, MultilabelRocket, NearestLabels
from gatewise.tasks.classify_multilabel.classifier import predict_probabilities
from gatewise.tasks.classify_multilabel.data import MultilabelData, read_data
from gatewise.tasks.classify_multilabel.metrics import MultilabelPredictions, label_table, score
from gatewise.tasks.classify_multilabel.options import MultilabelOptions
from gatewise.tasks.classify_multilabel.plots import draw_labels
from gatewise.tasks.classify_multilabel.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.tasks.running import evaluate, execute

NAMES = ("beat", "rise", "wave")
SMALL = {"epochs": 1, "min_steps_per_epoch": 1, "hidden": 3, "cell": "rnn", "network": "stack"}
QUICK = {**SMALL, "progress": False, "baselines": False}
SETS = MultilabelOptions(label_separator=";")
FLAGS = MultilabelOptions(label=NAMES)


@pytest.fixture(scope="module", autouse=True)
def _reference():
    with gatewise.backend("reference"):
        yield


def arrays(count=40):
    """Sequences [N, 12, 2] that are the sums of what their labels stand for, and their labels [N, 3]."""
    random, steps = np.random.default_rng(0), np.arange(12)
    labels = (random.random((count, 3)) < 0.4).astype(int)
    shapes = np.zeros((3, 12, 2))
    shapes[0, :, 0], shapes[1, :, 1], shapes[2, :, 0] = steps % 3 == 0, steps / 6, np.sin(steps)
    return np.einsum("nl,ltc->ntc", labels, shapes) + 0.05 * random.normal(size=(count, 12, 2)), labels


def frame(count=40):
    """The same as a long table, with their labels in one column, and in a column for each label."""
    sequences, labels = arrays(count)
    return pl.concat(
        pl.DataFrame(values, schema=["x", "y"]).with_columns(
            id=pl.lit(f"s{number}"),
            label=pl.lit(" ; ".join(name for name, one in zip(NAMES, own, strict=True) if one)),
            **{name: pl.lit("yes" if one else "no") for name, one in zip(NAMES, own, strict=True)},
        )
        for number, (values, own) in enumerate(zip(sequences, labels, strict=True))
    )


@pytest.fixture
def tables(tmp_path):
    """A file with a column of sets, and one with a column for each label."""
    frame().drop(NAMES).write_csv(tmp_path / "sets.csv")
    frame().drop("label").write_csv(tmp_path / "flags.csv")
    return tmp_path / "sets.csv", tmp_path / "flags.csv"


def test_both_forms_of_labels_are_read_the_same(tables):
    _, labels = arrays()
    found = [read_data(path, options) for path, options in zip(tables, (SETS, FLAGS), strict=True)]
    for data in found:
        assert data.classes == NAMES
        assert data.train.table.channels == ("x", "y")
        for split in (data.train, data.validation, data.test):
            np.testing.assert_array_equal(split.targets, labels[split.numbers])
        counts = ", ".join(f"{name} {count}" for name, count in zip(NAMES, labels.sum(0), strict=True))
        assert f"sequences by label: {counts}; without a label: {(labels.sum(1) == 0).sum()}" in data.notes
    assert found[0].test.numbers.tolist() == found[1].test.numbers.tolist()
    again = MultilabelData.to_evaluate(tables[0], found[0].preprocessing)
    assert again.test.numbers.tolist() == found[0].test.numbers.tolist()


def test_a_row_for_each_sequence_has_labels_too(tmp_path):
    sequences, labels = arrays()
    wide = pl.DataFrame(sequences[:, :, 0], schema=[f"t{step}" for step in range(12)])
    flags = {name: labels[:, number] for number, name in enumerate(NAMES)}
    wide.with_columns(**flags).write_csv(tmp_path / "wide.csv")
    data = read_data(tmp_path / "wide.csv", FLAGS)
    np.testing.assert_array_equal(data.train.targets, labels[data.train.numbers])
    assert data.train.table.sizes.tolist() == [12] * 40


@pytest.mark.parametrize("form", ["sets", "flags"])
def test_train_evaluate_predict(tmp_path, tables, form):
    path = tables[form == "flags"]
    columns = {"label_separator": ";"} if form == "sets" else {"label": NAMES}
    options = verb_options("train", TASK.options)(**SMALL, **columns)
    comparison = execute(TASK, "train", path, tmp_path / "run", options)
    scores = {one.name: one.scores for one in comparison.results}
    assert set(scores) == {"frequencies", "most-frequent", "nearest", "minirocket", "rnn"}
    assert scores["minirocket"]["f1"] > 0.9 > scores["frequencies"]["f1"]
    assert scores["frequencies"]["map"] == pytest.approx(scores["most-frequent"]["map"])  # no order
    evaluated = evaluate(TASK, tmp_path / "run", path).results[0].scores
    assert evaluated == pytest.approx(scores["rnn"], abs=1e-6)

    frame().drop(*NAMES, "label").write_csv(tmp_path / "new.csv")
    prediction = TASK.predict(load_model(tmp_path / "run"), tmp_path / "new.csv")
    table = prediction.frame
    assert table.columns[-3:] == [f"p({name})" for name in NAMES]
    expected = table.select(pl.col(f"p({name})").ge(0.5).alias(name) for name in NAMES)
    if form == "flags":
        assert table.select(NAMES).equals(expected.cast(int))
        assert TASK.predicts_tables(load_model(tmp_path / "run"))
    else:
        sets = [";".join(name for name in NAMES if row[name]) for row in expected.iter_rows(named=True)]
        assert table["label"].to_list() == sets
        assert prediction.text_column == "label"
    example = TASK.example(load_model(tmp_path / "run"), path, 0)
    assert example.prediction.startswith("labels ")


def test_arrays_predict_arrays_and_lists_predict_lists(tmp_path):
    X, y = arrays()
    names = np.array(["wave", "rise", "beat"])
    sets = [set(names[row > 0].tolist()) for row in y]
    model = gatewise.Classifier(**QUICK).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    probabilities = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict(X), probabilities >= 0.5)
    assert model.score(X, y) == (model.predict(X) == y).all(1).mean()
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(gatewise.load(tmp_path / "model").predict(X), model.predict(X))
    sparse = gatewise.Classifier(**QUICK).fit(X, csr_array(y))
    assert sparse.classes_.tolist() == [0, 1, 2]

    named = gatewise.Classifier(**QUICK).fit(X, sets)
    assert named.classes_.tolist() == ["beat", "rise", "wave"]
    own = named.predict_proba(X)
    assert named.predict(X) == [named.classes_[row >= 0.5].tolist() for row in own]
    assert named.score(X, sets) == named.score(X, y[:, ::-1])  # in the order of classes_
    named.set_params(warm_start=True).fit(X, sets)
    assert named.classes_.tolist() == ["beat", "rise", "wave"]
    with pytest.raises(
        GatewiseError, match=r"y\[0\]: the label 'fall' was not in training; it had beat, rise"
    ):
        named.evaluate(X, [{"fall"}] * 40)
    with pytest.raises(GatewiseError, match=r"expected labels as an array \[N, 3\], or as lists or sets"):
        named.evaluate(X, ["rise"] * 40)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_the_columns_of_a_table_name_its_labels(library):
    X, y = arrays()
    table = library({name: y[:, number].astype(bool) for number, name in enumerate(NAMES)})
    model = gatewise.Classifier(**QUICK).fit(X, table)
    assert model.classes_.tolist() == list(NAMES)
    predicted = model.predict(X)
    np.testing.assert_array_equal(predicted, model.predict_proba(X) >= 0.5)
    assert model.score(X, table[list(NAMES[::-1])]) == model.score(X, y) == (predicted == y).all(1).mean()
    other = library(dict.fromkeys(("beat", "rise", "fall"), y[:, 0]))
    with pytest.raises(GatewiseError, match="expected a column for each label of the training, beat, rise, "):
        model.score(X, other)
    with pytest.raises(GatewiseError, match="a label is called 'group', as a column of the sequences"):
        gatewise.Classifier(**QUICK).fit(X, library({"beat": y[:, 0], "group": y[:, 1]}))
    missing = library({"beat": y[:, 0], "rise": [None, *y[1:, 1]]})
    with pytest.raises(GatewiseError, match=r"y\[0, 'rise'\] is nan: expected 0 or 1"):
        gatewise.Classifier(**QUICK).fit(X, missing)


@pytest.mark.parametrize("names", [[1, 0, 2], ["wave", "beat", "rise"]])
def test_names_in_another_order_permute_tables_but_not_arrays(names):
    X, y = arrays()
    table = pd.DataFrame(y, columns=names)
    model = gatewise.Classifier(**QUICK).fit(X, table)
    assert model.classes_.tolist() == names
    predicted = model.predict(X)
    expected = accuracy_score(y, predicted)
    turned = table[names[::-1]]
    assert model.score(X, y) == model.score(X, table) == model.score(X, turned) == expected
    assert model.score(X, pd.DataFrame(predicted, columns=names)) == model.score(X, predicted) == 1
    new = X + 0.01  # of the data of the training, only the test set would be evaluated
    expected = accuracy_score(y, model.predict(new))
    for labels in (y, table, turned, csr_array(y)):
        scores = model.evaluate(new, labels).chosen_network.scores
        assert scores["exact_match"] == pytest.approx(expected)
    model.set_params(warm_start=True).fit(X, turned)
    assert model.classes_.tolist() == names
    assert model.score(X, table) == model.score(X, y)


def test_lists_of_one_label_each_are_sets_for_a_model_of_sets():
    X, _ = arrays()
    single = [[NAMES[number % 2]] for number in range(40)]
    objects = np.empty(40, object)
    objects[:] = single
    model = gatewise.Classifier(kind="classify-multilabel", **QUICK).fit(X, single)
    assert model.classes_.tolist() == ["beat", "rise"]
    X, single, objects = X[:30], single[:30], objects[:30]
    exact = np.mean([own == one for own, one in zip(model.predict(X), single, strict=True)])
    assert model.score(X, single) == model.score(X, objects) == exact
    assert model.evaluate(X, single).results[0].scores["exact_match"] == pytest.approx(exact)
    assert model.set_params(warm_start=True, kind=None).fit(X, objects).classes_.tolist() == ["beat", "rise"]
    with pytest.warns(UserWarning, match="A column-vector y was passed"):
        assert gatewise.Classifier(**QUICK).fit(X, objects).predict(X).shape == (30,)  # classes by default


def test_a_file_of_arrays_has_a_column_for_each_label(tmp_path):
    X, y = arrays()
    np.savez(tmp_path / "data.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y.astype(bool))
    model = gatewise.Classifier(**QUICK).fit(tmp_path / "data.npz")
    assert model.predict(tmp_path / "data.npz").columns == ["sequence", *"012", *(f"p({n})" for n in "012")]
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) >= 0.5)
    model.save(tmp_path / "model")
    loaded = gatewise.load(tmp_path / "model")
    assert loaded.score(X, y) == model.score(X, y) == (model.predict(X) == y).all(1).mean()
    assert gatewise.Classifier(**QUICK).fit(tmp_path / "X.npy").classes_.tolist() == ["0", "1", "2"]
    np.savez(tmp_path / "two.npz", X=X, y=y + 1)
    with pytest.raises(GatewiseError, match=r"two.npz, y: .* got \[40, 3\] of other values than 0 and 1"):
        gatewise.Classifier(**QUICK).fit(tmp_path / "two.npz")
    with pytest.raises(GatewiseError, match=r"two.npz, y: y\[\d+, \d\] is 2: expected 0 or 1"):
        gatewise.Classifier(kind="classify-multilabel", **QUICK).fit(tmp_path / "two.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: 2 * y, r"y\[\d+, \d+\] is 2: expected 0 or 1 in an array \[N, L\] of labels"),
        (lambda y: y.tolist(), r"y is a list of lists of 0 and 1: give np.array\(y\) if each is a row"),
        (lambda y: y[:5], "expected 40 sets of labels, one for each sequence, got 5"),
        (lambda y: [{"a"}, *("a",) * 39], r"y\[1\] is 'a': expected a list or a set of labels"),
        (lambda y: [{"a"}] * 40, "expected two or more labels, got a; one label alone is a class"),
        (lambda y: y * [1, 1, 0], r"none of the \d+ training sequences has the label '2': there is nothing"),
    ],
)
def test_wrong_labels_of_arrays_are_one_clear_line(change, message):
    X, y = arrays()
    with pytest.raises(GatewiseError, match=message):
        gatewise.Classifier(**QUICK).fit(X, change(y))


WRONG = {
    "two": ("flags", "wave", "2", r"line \d+, column 'wave': expected 0 or 1, or no or yes, for the label"),
    "empty": ("flags", "wave", None, r"line \d+, column 'wave' is empty: give the label, 0 or 1"),
    "absent": ("flags", "wave", "no", "none of the 28 training sequences has the label 'wave'"),
    "separator": ("sets", "label", "a,b", "no label has the separator ';', such as 'a,b'; give another"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_labels_of_a_table_are_one_clear_line(tmp_path, tables, name):
    form, column, value, message = WRONG[name]
    path = tables[form == "flags"]
    pl.read_csv(path).with_columns(pl.lit(value).alias(column)).write_csv(path)
    with pytest.raises(GatewiseError, match=message):
        read_data(path, FLAGS if form == "flags" else SETS)


def test_labels_that_change_or_are_unknown_are_found_by_their_line(tmp_path, tables):
    lines = tables[0].read_text().splitlines()
    lines[2] = lines[2].rpartition(",")[0] + ",tide;wave"
    changed = tmp_path / "changed.csv"
    changed.write_text("\n".join(lines))
    with pytest.raises(
        GatewiseError, match=r"line 3, column 'label': expected the set of labels .* line 2, got"
    ):
        read_data(changed, SETS)
    preprocessing = read_data(tables[0], SETS).preprocessing
    other = tmp_path / "other.csv"
    pl.read_csv(tables[0]).filter(pl.col("id") == "s0").with_columns(label=pl.lit("tide")).write_csv(other)
    with pytest.raises(
        GatewiseError, match="line 2: the label 'tide' was not in training; it had beat, rise"
    ):
        MultilabelData.to_evaluate(other, preprocessing)


def test_lists_of_labels_need_no_separator(tmp_path):
    flags = frame().drop(NAMES)
    lists = flags.with_columns(pl.col("label").str.split(" ; ").list.filter(pl.element() != ""))
    model = gatewise.Classifier(kind="classify-multilabel", **QUICK).fit(lists)
    found = model.predict(lists)
    assert found["label"].dtype == pl.List(pl.String)
    assert model.predict(lists.to_pandas())["label"].map(list).to_list() == found["label"].to_list()
    write_table(found, tmp_path / "labels.csv")
    texts = pl.read_csv(tmp_path / "labels.csv", schema_overrides={"label": pl.String})["label"].fill_null("")
    assert texts.to_list() == [";".join(one) for one in found["label"]]


def test_another_separator_than_the_one_of_the_cells_is_refused(tables):
    with pytest.raises(GatewiseError, match=r"no label has the separator '\|', such as 'beat ; rise"):
        read_data(tables[0], MultilabelOptions(label_separator="|"))


def test_a_column_of_texts_needs_a_separator(tables):
    with pytest.raises(
        GatewiseError, match="'label' has no lists of labels; give --label-separator, such as"
    ):
        read_data(tables[0], MultilabelOptions())


def test_an_archive_has_one_class_for_each_sequence(tmp_path):
    (tmp_path / "data.ts").write_text("@data\n1,2:a\n2,1:b\n")
    with pytest.raises(GatewiseError, match="an archive without column names; leave --label-separator out"):
        read_data(tmp_path / "data.ts", SETS)
    with pytest.raises(GatewiseError, match="an archive, whose sequences have one class each; give a table"):
        read_data(tmp_path / "data.ts", MultilabelOptions())


def test_weights_and_groups_as_for_classes(tmp_path, tables):
    number = pl.col("id").str.slice(1).cast(int)
    path = tmp_path / "more.csv"
    pl.read_csv(tables[1]).with_columns(w=number % 3 + 1, g=number // 4).write_csv(path)
    options = FLAGS.model_copy(update={"weight": "w", "group": "g"})
    data = read_data(path, options)
    np.testing.assert_allclose(data.train.weights, (data.train.numbers % 3 + 1) / 3)
    assert not set(data.train.numbers // 4) & set(data.test.numbers // 4)
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    again = MultilabelData.to_train_further(path, data.preprocessing, options, fractions)
    assert again.train.numbers.tolist() == data.train.numbers.tolist()
    np.testing.assert_allclose(again.train.weights, data.train.weights)


def split_of(targets, values=None):
    """Sequences of one step with these targets [N, L]."""
    count = len(targets)
    values = np.zeros((count, 1)) if values is None else values
    table = SequenceTable("", values, np.arange(count + 1), tuple(map(str, range(count))), ("x",),
                          targets=np.asarray(targets, float))  # fmt: skip
    return TargetSequences(table, range(count), (Scale(0.0, 1.0),), (Scale(0.0, 1.0),) * len(targets[0]))


def test_scores_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    truth, probabilities = random.random((50, 4)) < 0.3, random.random((50, 4))
    predictions = MultilabelPredictions(None, split_of(truth), torch.from_numpy(probabilities))
    found, predicted = score(predictions), probabilities >= 0.5
    assert found["f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert found["micro_f1"] == pytest.approx(f1_score(truth, predicted, average="micro"))
    assert found["hamming"] == pytest.approx(hamming_loss(truth, predicted))
    table = label_table(predictions, ("a", "b", "c", "d"))
    assert [int(row[1]) for row in table.rows] == truth.sum(0).tolist()
    assert draw_labels(predictions, "net", ("a", "b", "c", "$d")).axes


def test_labels_that_do_not_occur_do_not_count():
    truth = [[1, 0], [0, 0]]
    found = score(MultilabelPredictions(None, split_of(truth), torch.tensor([[0.9, 0.1], [0.2, 0.4]])))
    assert (found["f1"], found["map"], found["exact_match"]) == (1.0, 1.0, 1.0)
    none = score(MultilabelPredictions(None, split_of([[0, 0]]), torch.tensor([[0.1, 0.1]])))
    assert none["f1"] == none["micro_f1"] == 1.0
    assert np.isnan(none["map"])


def test_baselines_predict_sets_that_they_have_seen():
    train = split_of([[1, 0], [1, 0], [0, 1]], np.array([[0.0], [0.1], [5.0]]))
    validation = split_of([[1, 0], [0, 1]], np.array([[0.0], [4.0]]))
    frequent, nearest = MostFrequentLabels(2), NearestLabels(1, 2)
    for baseline in (frequent, nearest):
        baseline.fit(train, validation)
    assert (predict_probabilities(frequent, validation) >= 0.5).tolist() == [[True, False]] * 2
    assert float(frequent.confidence) == pytest.approx(0.501)
    assert (predict_probabilities(nearest, validation) >= 0.5).tolist() == [[True, False], [False, True]]
    assert float(nearest.confidence) == pytest.approx(4.5 / 5)


def test_the_ridge_has_calibrated_probabilities():
    X, y = arrays(60)
    table = SequenceTable("", X.reshape(-1, 2), np.arange(61) * 12, tuple(map(str, range(60))), ("x", "y"),
                          targets=y.astype(float))  # fmt: skip
    scales = (Scale(0.0, 1.0),) * 2
    whole = TargetSequences(table, range(60), scales, (Scale(0.0, 1.0),) * 3)
    noise = whole.targets.clone()
    noise[:, 2] = torch.randint(2, (60,), generator=torch.Generator().manual_seed(0))
    whole.targets = noise
    rocket = MultilabelRocket(2, 3, 12, features=84)
    rocket.fit(whole, whole)
    probabilities = predict_probabilities(rocket, whole)
    assert ((probabilities >= 0.5) == (noise > 0))[:, :2].float().mean() > 0.95
    assert (probabilities[:, 2] - 0.5).abs().mean() < (probabilities[:, 0] - 0.5).abs().mean() / 2


def test_a_model_of_classes_refuses_sets_of_labels():
    X, _ = arrays()
    model = gatewise.Classifier(**QUICK).fit(X, np.arange(40) % 2)
    with pytest.raises(GatewiseError, match="y has any number of labels for each example, and the model one"):
        model.score(X, [[0], [0, 1]] * 20)
    with pytest.raises(GatewiseError, match=r"expected labels of shape \[40\], for 40 examples, got \[5\]"):
        model.score(X, np.arange(5) % 2)
    with pytest.raises(GatewiseError, match="y has any number of labels for each example, and the model one"):
        gatewise.Classifier(kind="classify", **QUICK).fit(X, [[0], [0, 1]] * 20)
