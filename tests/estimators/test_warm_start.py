"""`warm_start` and `gatewise train --from`: a trained model is trained further on new data."""

import shutil

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.cells import GRU
from gatewise.errors import GatewiseError
from gatewise.tasks.config import to_yaml
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from tests.series import frame

OPTIONS = verb_options("train", TASK.options)(
    horizon=2, context=6, hidden=2, cell="gru", max_steps=1, target="value"
)


def months(steps, seed=0, name="a", later=0):
    whole = frame(steps=steps + later, seed=seed).with_columns(id=pl.lit(name)).tail(steps)
    return whole


@pytest.fixture
def run(tmp_path):
    """A folder with a model that is not trained, and its options."""
    months(60).write_csv(tmp_path / "first.csv")
    data = TASK.read(tmp_path / "first.csv", OPTIONS)
    model = SavedModel("forecast", "gru", TASK.network(data, OPTIONS, GRU), TASK.preprocessing(data, OPTIONS))
    save_model(tmp_path / "run", model)
    (tmp_path / "run" / "config.yaml").write_text(to_yaml(OPTIONS))
    return tmp_path / "run"


def test_a_forecaster_is_trained_further(run):
    model = gatewise.load(run)
    before = model.model_
    model.set_params(warm_start=True, progress=False, freeze=["recurrent"])
    new = pl.concat([months(60, later=60), months(60, seed=1, name="b")])
    model.fit(new, learning_rate=0.1)
    for name, value in model.network_.named_parameters():
        same = torch.equal(value, before.network.get_parameter(name))
        assert same == name.startswith("recurrent."), name
        assert value.requires_grad
    learned, old = (one.preprocessing["learned"] for one in (model.model_, before))
    assert learned["series"]["a"] == old["series"]["a"]
    assert set(learned["series"]) == {"a", "b"}
    assert learned["seen"]["a"] > old["seen"]["a"]
    assert {one.name for one in model.comparison_.results} >= {"gru before", "gru", "ridge"}
    assert model.predict(new).height == 4
    model.fit(new)
    assert model.comparison_.model is model.model_
    recurrent = [one for one, _ in model.network_.named_parameters() if one.startswith("recurrent.")]
    for name in recurrent:  # still frozen
        assert torch.equal(model.network_.get_parameter(name), before.network.get_parameter(name))
    with pytest.raises(
        GatewiseError, match="the option 'hidden' is that of the trained model, 2, and can't be"
    ):
        model.set_params(hidden=4).fit(new)


def test_a_test_set_that_was_trained_on_is_named(run):
    data = TASK.load_for_fine_tuning(load_model(run), run.with_name("first.csv"), OPTIONS)
    assert data.source.warnings == ()
    months(40).write_csv(run.with_name("early.csv"))
    data = TASK.load_for_fine_tuning(load_model(run), run.with_name("early.csv"), OPTIONS)
    assert data.source.warnings == (
        "the model was trained before on times of the test set of 'a': the scores of the network are better "
        "than on new data",
    )


def test_the_command_line_and_resuming(command, run):
    months(60, later=60).write_csv("new.csv")
    ended = command("train", "forecast", "new.csv", "--from", run, "--out", "tuned", "--freeze", "skip")
    assert ended.returncode == 0, ended.stderr
    assert "gru is trained further, without skip, at a learning rate of 0.0001" in ended.stdout
    assert "gru before *" in ended.stdout
    tuned = load_model("tuned")
    skip = load_model(run).network.get_parameter("skip.weight")
    assert torch.equal(tuned.network.get_parameter("skip.weight"), skip)
    (shutil.rmtree("tuned/checkpoints"), (run.parent / "tuned/result.json").unlink())
    ended = command("train", "forecast", "--resume", "tuned")
    assert ended.returncode == 0, ended.stderr
    again = load_model("tuned")
    assert gatewise.load("tuned").learning_rate == OPTIONS.learning_rate  # of a new training
    assert again.preprocessing == tuned.preprocessing
    for name, value in again.network.state_dict().items():
        assert torch.equal(value, tuned.network.state_dict()[name]), name


def test_what_is_refused(command, run):
    months(60, later=60).write_csv("new.csv")
    further, config = ("new.csv", "--from", run), run / "config.yaml"
    for arguments, message in (
        ((*further, "--hidden", "9"), "the option 'hidden' is that of the trained model, 2, and"),
        ((*further, "--config", config), "--from takes the options of the run; leave out --config"),
        ((*further, "--freeze", "layers"), "there are no parameters 'layers' to freeze; the network has"),
        (("new.csv", "--horizon", "2", "--freeze", "skip"), "--freeze keeps parameters of a trained model"),
        (("new.csv", "--from", "new.csv"), "there is no model.json in 'new.csv'"),
        (("--from", run), "there are no data to train on"),
    ):
        ended = command("train", "forecast", *arguments)
        assert ended.returncode == 2, ended.stdout
        assert message in ended.stderr
    ended = command("train", "anomaly", "new.csv", "--from", run)
    assert "has a model of the task 'forecast': give gatewise train forecast" in ended.stderr
    ended = command("compare", "forecast", "new.csv", "--from", run)
    assert "--from trains one model further: give it to gatewise train, not compare" in ended.stderr
    (run / "config.yaml").unlink()
    ended = command("train", "forecast", "new.csv", "--from", run)
    assert "the model was saved without config.yaml, the options of its training" in ended.stderr


def test_a_classifier_keeps_its_classes_and_scales():
    y = np.array([7, 3, 5])[np.arange(36) % 3]
    X = (y - 5.0)[:, None, None] * np.linspace(-1, 1, 6)[:, None]
    options = {"hidden": 2, "epochs": 1, "progress": False, "baselines": False, "cell": "rnn"}
    model = gatewise.Classifier(warm_start=True, **options).fit(X, y)
    before = model.model_
    model.fit(X[y != 5] + 1, y[y != 5])
    assert model.classes_.tolist() == [3, 5, 7]
    assert model.model_.preprocessing["scales"] == before.preprocessing["scales"]
    assert not torch.equal(*(next(one.network.parameters()) for one in (before, model.model_)))
    assert set(model.predict(X)) <= {3, 5, 7}
    with pytest.raises(GatewiseError, match="the class '9' was not in training; it had 3, 5, 7"):
        model.fit(X, np.where(y == 7, 9, y))
    with pytest.raises(GatewiseError, match="warm_start takes no sample_weight and no groups"):
        model.fit(X, y, sample_weight=np.ones(36))


def test_a_detector_keeps_its_scale():
    series = pl.DataFrame({"t": range(60), "v": np.sin(np.arange(60.0))})
    options = {"hidden": 2, "epochs": 1, "progress": False, "baselines": False}
    model = gatewise.AnomalyDetector(warm_start=True, cell="rnn", **options).fit(series)
    before = model.model_
    model.fit(series.with_columns(pl.col("v") * 3))
    assert model.model_.preprocessing["learned"]["series"] == before.preprocessing["learned"]["series"]
    assert not torch.equal(*(next(one.network.parameters()) for one in (before, model.model_)))


def test_a_text_generator_keeps_its_characters():
    options = {"hidden": 2, "embedding": 2, "steps": 4, "batch_size": 2, "epochs": 1, "progress": False}
    model = gatewise.TextGenerator(warm_start=True, cell="rnn", baselines=False, **options).fit("abcab " * 40)
    before = model.model_
    model.fit("bacd " * 40)
    assert model.model_.preprocessing["tokenizer"] == before.preprocessing["tokenizer"]
    assert not torch.equal(*(next(one.network.parameters()) for one in (before, model.model_)))
    assert "unknown in the training set, read as one symbol, 34 times: d" in model.notes_


def test_a_labeler_keeps_its_labels_and_refuses_others():
    X = np.arange(240.0).reshape(20, 12, 1) % 7
    y = [["low" if value < 3 else "high" for value in row[:, 0]] for row in X]
    model = gatewise.Labeler(warm_start=True, cell="rnn", hidden=2, epochs=1, progress=False).fit(X, y)
    before = model.model_
    model.fit(X[::-1], y[::-1])
    assert model.model_.preprocessing["form"] == before.preprocessing["form"]
    with pytest.raises(GatewiseError, match="'middle'"):
        model.fit(X, [["middle"] * 12, *y[1:]])
