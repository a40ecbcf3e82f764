"""The task of classifying sequences from file to files, in Python."""

import json

import numpy as np
import polars as pl
import pytest
import torch

from gatewise.cells import LSTM
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.errors import GatewiseError
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.tasks import classification as classes
from gatewise.tasks.classify.task import TASK
from gatewise.tasks.config import resolve
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.training import runs
from gatewise.training.commands import compare, train
from tests.figures import drawn
from tests.series import Quiet
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"epochs": 2, "min_steps_per_epoch": 1, "hidden": 4, "learning_rate": 0.02}
CLASSES = ("2", "10", "up")


def frame(sequences=45, seed=0, first=0):
    """Sequences of two channels in mixed rows, whose slopes determine their class."""
    random = np.random.default_rng(seed)
    parts = []
    for number in range(first, first + sequences):
        kind = number % len(CLASSES)
        steps = np.arange(random.integers(4, 9))
        slope = (kind - 1) * steps + 0.3 * random.normal(size=len(steps))
        parts.append(
            {"id": f"s{number}", "t": steps.tolist(), "x": slope.tolist(), "y": slope[::-1].tolist(),
             "label": CLASSES[kind]}
        )  # fmt: skip
    whole = pl.DataFrame(parts).explode("t", "x", "y")
    return whole[random.permutation(whole.height)]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "walks.csv"
    frame().write_csv(path)
    return path


def scores(comparison):
    return {result.name: result.scores for result in comparison.results}


def archive(path, table, labelled=True):
    """The same sequences as a .ts file, in the order of their numbers."""
    lines = ["@classLabel " + (f"true {' '.join(CLASSES)}" if labelled else "false"), "@data"]
    for _, own in table.sort("t").group_by("id", maintain_order=True):
        channels = [",".join(map(str, own[name])) for name in "xy"]
        lines.append(":".join([*channels, *([own["label"][0]] if labelled else [])]))
    path.write_text("\n".join(lines))
    return path


def test_train_evaluate_predict(tmp_path, table):
    folder = tmp_path / "run"
    comparison = execute(TASK, "train", table, folder, TrainOptions(**SMALL, cell="gru"))
    assert set(scores(comparison)) == {"majority", "logistic", "nearest", "minirocket", "hybrid-gru"}
    names = {"config.yaml", "run.json", "metrics.csv", "checkpoints", "model.json", "model.safetensors"}
    assert names | {"leaderboard.csv", "result.json"} == {one.name for one in folder.iterdir()}
    data = comparison.data
    assert data.classes == CLASSES
    ids = [
        [data.train.table.ids[one] for one in part.numbers]
        for part in (data.train, data.validation, data.test)
    ]
    assert [len(one) for one in ids] == [33, 6, 6]
    assert len({*ids[0], *ids[1], *ids[2]}) == 45

    assert data.preprocessing.scales == data.train.table.scales(
        data.train.numbers
    )  # of the training part alone

    again = evaluate(TASK, folder, table)
    assert [again.data.test.table.ids[one] for one in again.data.test.numbers] == ids[2]
    assert scores(again) == {"hybrid-gru": scores(comparison)["hybrid-gru"]}
    assert "the test set is 6 sequences that the model has not seen" in again.data.notes

    predicted = TASK.predict(load_model(folder), table)
    assert predicted.about == "the classes of 45 sequences, with their probabilities"
    assert predicted.frame.columns == ["id", "label", "p(2)", "p(10)", "p(up)"]
    assert set(predicted.frame["id"]) == {f"s{one}" for one in range(45)}
    chances = predicted.frame.select(pl.selectors.starts_with("p("))
    np.testing.assert_allclose(chances.sum_horizontal(), 1, atol=3e-6)
    assert predicted.frame["label"].to_list() == [CLASSES[one] for one in chances.to_numpy().argmax(1)]
    truth = dict(frame().select("id", "label").iter_rows())
    tested = predicted.frame.filter(pl.col("id").is_in(ids[2]))
    right = np.mean([truth[name] == label for name, label in tested.select("id", "label").iter_rows()])
    assert right == pytest.approx(scores(comparison)["hybrid-gru"]["accuracy"])


def test_new_data_may_have_other_columns_and_no_labels(tmp_path, table):
    folder = tmp_path / "run"
    execute(TASK, "train", table, folder, TrainOptions(**SMALL))
    model = load_model(folder)
    bare = tmp_path / "bare.parquet"
    new = (
        frame()
        .drop("label")
        .with_columns(weather=pl.lit("fine"), index=1)
        .select("weather", "y", "x", "id", "t", "index")
    )
    new.write_parquet(bare)
    assert TASK.predict(model, bare).frame.equals(TASK.predict(model, table).frame)
    with pytest.raises(GatewiseError, match=r"bare.parquet has no column 'label' for the label"):
        TASK.load_for_evaluation(model, bare)
    frame().drop("x").write_csv(tmp_path / "narrow.csv")
    with pytest.raises(GatewiseError, match=r"narrow.csv has no column 'x' for the channel"):
        TASK.predict(model, tmp_path / "narrow.csv")


def test_other_data_are_scored_whole_by_the_classes_of_the_training(tmp_path, table):
    folder = tmp_path / "run"
    execute(TASK, "train", table, folder, TrainOptions(**SMALL))
    other = tmp_path / "other.csv"
    frame(7, seed=1, first=2).filter(pl.col("label") != "2").write_csv(other)
    comparison = evaluate(TASK, folder, other)
    predicted = TASK.predict(load_model(folder), other).frame
    truth = dict(pl.read_csv(other).select("id", "label").iter_rows())
    right = np.mean([truth[name] == label for name, label in predicted.select("id", "label").iter_rows()])
    assert comparison.results[0].scores["accuracy"] == pytest.approx(right)
    assert "the test set is all 5 sequences" in comparison.data.notes
    (details,) = comparison.details
    assert [row[:2] for row in details.rows] == [("2", "0"), ("10", "2"), ("up", "3")]
    frame(4).with_columns(label=pl.lit("sideways")).write_csv(other)
    with pytest.raises(
        GatewiseError, match=r"line \d+: the class 'sideways' was not in training; it had 2, 10, up"
    ):
        evaluate(TASK, folder, other)


@pytest.mark.parametrize("named", [True, False])
def test_another_file_to_test_on(tmp_path, named):
    path, other = (
        archive(tmp_path / f"walks_{part}.ts", frame(21, seed)) for part, seed in (("TRAIN", 0), ("TEST", 1))
    )
    options = TrainOptions(**SMALL, **({"test_file": str(other)} if named else {}))
    comparison = execute(TASK, "train", path, tmp_path / "run", options)
    data = comparison.data
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 3, 21)
    assert data.notes[-1].endswith(f"test set 21 sequences: {other}")
    assert scores(evaluate(TASK, tmp_path / "run", other))["hybrid-lstm"] == scores(comparison)["hybrid-lstm"]
    with pytest.raises(GatewiseError, match=r"trained on all of .*walks_TRAIN.ts; give data it has not seen"):
        evaluate(TASK, tmp_path / "run", path)
    bare = archive(tmp_path / "bare.ts", frame(21, 1), labelled=False)
    predicted = TASK.predict(load_model(tmp_path / "run"), bare).frame
    assert predicted.columns[:2] == ["sequence", "label"]
    assert predicted.equals(TASK.predict(load_model(tmp_path / "run"), other).frame)


def test_compare_and_go_on_with_it(tmp_path, table):
    folder = tmp_path / "run"
    options = CompareOptions(**SMALL, cells=("lstm", "gru"), seeds=2, pooling="attention", network="stack")
    comparison = execute(TASK, "compare", table, folder, options)
    assert set(scores(comparison)) == {
        *("majority", "logistic", "nearest", "minirocket"),
        *("mlp", "lstm", "gru"),
    }
    trainings = sorted(one.name for one in (folder / "trainings").iterdir())
    assert trainings == ["gru-0", "gru-1", "lstm-0", "lstm-1", "mlp-0", "mlp-1"]
    assert load_model(folder).network.options()["pooling"] == "attention"
    chosen = comparison.chosen(baseline=False)
    least = min(one.validation for one in comparison.results if not one.baseline)
    assert chosen.validation == least
    (folder / "trainings" / "gru-1" / "result.json").unlink()
    run = runs.resume("compare", TASK, folder)
    again = compare(run, TASK.read(run.data, run.options), Quiet())
    assert scores(again) == scores(comparison)
    assert drawn(TASK, comparison, tmp_path) == {
        "confusion.png": f"the confusion matrix of {chosen.name} on the test set"
    }
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_training_resumes_to_an_equal_result(tmp_path, table):
    whole = execute(TASK, "train", table, tmp_path / "whole", TrainOptions(**{**SMALL, "epochs": 3}))
    execute(TASK, "train", table, tmp_path / "run", TrainOptions(**{**SMALL, "epochs": 1}))
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 1", "epochs: 3"))
    (tmp_path / "run" / "result.json").unlink()
    run = runs.resume("train", TASK, tmp_path / "run")
    assert scores(train(run, TASK.read(run.data, run.options), Quiet())) == scores(whole)


def test_options_from_yaml(tmp_path, table):
    config = tmp_path / "mine.yaml"
    config.write_text(
        "bidirectional: true\npooling: mean\nlayers: 2\nchannels: [y]\n"
        "validation-fraction: 0.2\nlabel: label\n"
    )
    options = resolve(verb_options("train", TASK.options), config, {"layers": "1"})
    data = TASK.read(table, options)
    assert data.train.table.channels == ("y",)
    assert len(data.validation) == 9
    network = TASK.network(
        data, options, runs.begin("train", TASK, table, options, tmp_path / "run").cells["hybrid-lstm"]
    )
    output = network.options()
    assert (output["bidirectional"], output["pooling"], output["layers"], output["channels"]) == (
        True,
        "mean",
        1,
        1,
    )


def test_classes_with_few_sequences_are_noted(tmp_path):
    path = tmp_path / "few.csv"
    rare = frame(2, seed=3, first=100).with_columns(label=pl.lit("rare"))
    pl.concat([frame(), rare]).write_csv(path)
    data = TASK.read(path, TrainOptions())
    assert data.notes[-1] == "too few sequences to split, so all in the training set: rare"
    assert (data.test.labels != data.classes.index("rare")).all()


def test_data_that_cannot_be_split_or_learned_from(tmp_path, table):
    path = tmp_path / "one.csv"
    frame(9).with_columns(label=pl.lit("same")).write_csv(path)
    with pytest.raises(GatewiseError, match=r"one.csv: all examples are of one class"):
        TASK.read(path, TrainOptions())
    frame(3).write_csv(path)
    with pytest.raises(
        GatewiseError, match=r"one.csv: 3 examples of 3 classes leave none for the validation set"
    ):
        TASK.read(path, TrainOptions())
    with pytest.raises(
        GatewiseError, match=r"walks.csv is the training data; give another --test-file, or none"
    ):
        TASK.read(table, TrainOptions(test_file=str(table)))
    narrow = tmp_path / "narrow.ts"
    narrow.write_text("@classLabel true 10 up\n@data\n1,2:10\n")
    with pytest.raises(GatewiseError, match=r"narrow.ts has sequences of 1 channel; the model expects 2"):
        TASK.read(table, TrainOptions(test_file=str(narrow)))


def test_a_label_that_changes_within_a_sequence(tmp_path):
    path = tmp_path / "walks.csv"
    path.write_text("id,t,x,label\na,1,0,u\nb,1,0,v\na,3,0,v\na,2,0,u\n")
    with pytest.raises(GatewiseError) as error:
        TASK.read(path, TrainOptions())
    assert str(error.value) == (
        f"{path}: sequence 'a' is of class 'u' in line 2 and of class 'v' in line 4; a sequence has one "
        "class (for a label of each step there is gatewise train label)"
    )


def test_an_id_called_label_is_not_lost(tmp_path, table):
    path = tmp_path / "named.csv"
    frame(30).rename({"label": "kind", "id": "label"}).write_csv(path)
    execute(TASK, "train", path, tmp_path / "run", TrainOptions(**SMALL, id="label", label="kind"))
    predicted = TASK.predict(load_model(tmp_path / "run"), path).frame
    assert predicted.columns[:2] == ["sequence", "label"]
    assert set(predicted["sequence"]) == {f"s{one}" for one in range(30)}


def test_a_model_whose_reading_was_changed(tmp_path, table):
    execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL))
    described = json.loads((tmp_path / "run" / "model.json").read_text())
    del described["preprocessing"]["scales"]
    (tmp_path / "run" / "model.json").write_text(json.dumps(described))
    with pytest.raises(GatewiseError, match="the model can't be read: 'scales': field required"):
        TASK.predict(load_model(tmp_path / "run"), table)


def test_of_many_classes_those_that_fare_worst_are_shown(table, monkeypatch):
    data = TASK.read(table, TrainOptions())
    probabilities = torch.eye(3)[data.test.labels]
    probabilities[data.test.labels == 1] = torch.tensor([0.1, 0.4, 0.5])  # every 10 is predicted as up
    predictions = classes.ClassPredictions(None, data.test, probabilities)
    (details,) = TASK.details(predictions, data)
    assert details.rows == (
        ("2", "2", "100.0%", "100.0%", "100.0%", ""),
        ("10", "2", "0.0%", "", "0.0%", "up (2)"),
        ("up", "2", "100.0%", "50.0%", "66.7%", ""),
    )
    monkeypatch.setattr(classes, "CLASSES_SHOWN", 2)
    (fewer,) = TASK.details(predictions, data)
    assert fewer.rows == details.rows[1:]
    assert fewer.title == "the 2 of 3 classes with the lowest F1 on the test set"


def test_a_hybrid_is_chosen_by_its_score_before_the_last_fit(tmp_path, table):
    """MiniRocket is fitted to the validation set too, but only after that has scored the network."""
    comparison = execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL))
    stored = json.loads((tmp_path / "run" / "result.json").read_text())["cost"]
    assert comparison.chosen(baseline=False).validation == stored
    data, network = comparison.data, load_model(tmp_path / "run").network
    after = TASK.score(TASK.predictions(network, data, data.validation), data)["cross_entropy"]
    assert after < stored
    network.rocket.fit(data.train, data.validation, int(network.seed))
    before = TASK.score(TASK.predictions(network, data, data.validation), data)["cross_entropy"]
    assert before == pytest.approx(stored, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"network": "stack"}, "lstm"),
        ({"network": "lstm-fcn"}, "lstm-fcn"),
        ({"network": "lstm-fcn", "convolutions": "inception"}, "lstm-inception"),
    ],
)
def test_other_networks(tmp_path, table, options, name):
    comparison = execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL, **options))
    assert scores(evaluate(TASK, tmp_path / "run", table))[name] == scores(comparison)[name]


def test_inception_blocks_are_those_of_an_lstm_fcn(tmp_path, table):
    with pytest.raises(GatewiseError, match="--convolutions inception is for --network lstm-fcn"):
        execute(TASK, "train", table, tmp_path / "run", TrainOptions(**SMALL, convolutions="inception"))


def test_a_model_that_was_saved_before_its_convolutions_had_a_name_loads(tmp_path):
    torch.manual_seed(0)
    network = SequenceClassifier(LSTM, channels=2, classes=3, hidden=4, filters=8).eval()
    save_model(tmp_path, SavedModel("classify", "lstm-fcn", network, {}))
    described = json.loads((tmp_path / "model.json").read_text())
    assert described["options"].pop("convolutions") == "plain"
    (tmp_path / "model.json").write_text(json.dumps(described))
    batch = SequenceBatch(torch.randn(2, 5, 2), torch.tensor([5, 5]), torch.tensor([0, 1]))
    assert torch.equal(load_model(tmp_path).network.logits(batch), network.logits(batch))
