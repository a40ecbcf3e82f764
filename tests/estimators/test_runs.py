"""Runs from Python: the folder of the command line, resumed after an interruption, loaded from any run."""

import json
from pathlib import Path

import numpy as np
import pytest
from pytorch_lightning import Callback

import gatewise
from gatewise.tasks.serialization import save_model
from tests.estimators.test_estimators import waves
from tests.series import frame

SMALL = {"horizon": 4, "context": 12, "hidden": 4, "epochs": 3}
FLAGS = [text for name, value in SMALL.items() for text in (f"--{name}", value)]


class Interrupt(Callback):
    """Ctrl-C after the second epoch."""

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt


def names(folder):
    return {str(one.relative_to(folder)) for one in folder.rglob("*")}


def test_the_folder_of_a_run_is_that_of_the_command_line(tmp_path, command):
    frame().write_csv(tmp_path / "data.csv")
    assert (
        command("train", "forecast", "data.csv", *FLAGS, "--watch-gradient", "--out", "shell").returncode == 0
    )
    model = gatewise.Forecaster(**SMALL, watch_gradient=True, out="python", progress=False).fit("data.csv")
    shell, python = tmp_path / "shell", tmp_path / "python"
    assert names(shell) == names(python)
    assert {"forecast.png", "gradient.png", "run.json", "leaderboard.csv"} <= names(python)
    for name in ("model.safetensors", "model.json", "config.yaml", "run.json"):
        assert (shell / name).read_bytes() == (python / name).read_bytes()
    assert gatewise.load("shell").predict("data.csv").equals(model.predict())


@pytest.mark.parametrize("given", ["path", pytest.param("table", marks=pytest.mark.thorough)])
def test_an_interrupted_fit_resumes_to_the_result_of_a_whole_one(tmp_path, command, given):
    frame().write_csv(tmp_path / "data.csv")
    data = tmp_path / "data.csv" if given == "path" else frame()
    whole = gatewise.Forecaster(**SMALL, progress=False).fit(data)
    with pytest.raises(KeyboardInterrupt):
        gatewise.Forecaster(**SMALL, progress=False, out="run", callbacks=[Interrupt()]).fit(data)
    assert not (tmp_path / "run" / "model.json").exists()
    resumed = gatewise.resume("run", progress=False)
    assert repr(resumed) == repr(gatewise.Forecaster(**SMALL))
    assert resumed.prediction().frame.equals(whole.prediction().frame)
    assert resumed.score() == whole.score()
    assert command("train", "forecast", "--resume", "run").returncode == 0


def test_a_comparison_is_resumed_and_its_model_loaded(tmp_path, command):
    options = {**SMALL, "epochs": 1, "cells": ["rnn", "gru"], "seeds": 1, "network": "grid"}
    compared = gatewise.compare("forecast", frame(), out="run", progress=False, **options)
    assert (tmp_path / "run" / "forecast.png").is_file()
    resumed = gatewise.resume("run", progress=False)
    assert resumed.table.drop("seconds").equals(compared.table.drop("seconds"))
    assert [one.title for one in resumed.details] == [one.title for one in compared.details]
    model = gatewise.load("run")
    assert model.get_params()["network"] == "grid"
    assert f"grid-{model.cell}" == compared.chosen(baseline=False).name
    assert model.predict(frame()).height == 4


def test_an_unusable_start_leaves_no_folder(tmp_path, command):
    with pytest.raises(gatewise.GatewiseError, match="the DataFrame has no column 'price'"):
        gatewise.Forecaster(**SMALL, progress=False, out="run").fit(frame(), target="price")
    with pytest.raises(gatewise.GatewiseError, match="expected out as a folder outside the data"):
        gatewise.Forecaster(**SMALL, progress=False, out=tmp_path / "run").fit(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(gatewise.GatewiseError, match="'run' has no run"):
        gatewise.resume("run")


def test_a_model_without_readable_options_loads(tmp_path, command):
    model = gatewise.Forecaster(**{**SMALL, "epochs": 1}, progress=False).fit(frame())
    save_model(tmp_path / "model", model.model_)
    assert gatewise.load("model").predict(frame()).equals(model.predict(frame()))
    (tmp_path / "model" / "config.yaml").write_text("horizon: [")
    with pytest.warns(UserWarning, match=r"default options: .*config.yaml is not YAML"):
        assert gatewise.load("model").predict(frame()).height == 4


def sequences():
    """Sequences [N, T, C] of two classes with numbers as labels, the higher class first."""
    X, y = waves(36)
    return X, np.where(y == "up", 2, 7)


@pytest.mark.parametrize("resume", ["python", pytest.param("shell", marks=pytest.mark.thorough)])
def test_labels_keep_their_types_in_a_run_that_was_interrupted(tmp_path, command, resume):
    X, y = sequences()
    options = {"hidden": 4, "epochs": 3, "min_steps_per_epoch": 1, "progress": False}
    whole = gatewise.Classifier(**options).fit(X, y)
    with pytest.raises(KeyboardInterrupt):
        gatewise.Classifier(**options, out="run", callbacks=[Interrupt()]).fit(X, y)
    assert json.loads((tmp_path / "run" / "classes.json").read_text()) == [2, 7]
    if resume == "python":
        resumed = gatewise.resume("run", progress=False)
    else:
        assert command("train", "classify", "--resume", "run").returncode == 0
        resumed = gatewise.load("run")
    assert resumed.classes_.tolist() == whole.classes_.tolist() == [2, 7]
    assert resumed.predict(X).tolist() == whole.predict(X).tolist()


def test_a_loaded_comparison_predicts_labels_of_the_types_given(tmp_path, command):
    X, y = sequences()
    gatewise.compare("classify", X, y, cells=["rnn"], seeds=1, hidden=4, epochs=1, out="run", progress=False)
    assert gatewise.load("run").classes_.tolist() == [2, 7]
    (tmp_path / "run" / "classes.json").write_text('["2"]')
    with pytest.raises(gatewise.GatewiseError, match=r"classes.json lacks the class '7' of the model"):
        gatewise.load("run")
    (tmp_path / "run" / "classes.json").write_text("{}")
    with pytest.raises(gatewise.GatewiseError, match=r"classes.json: expected a list of labels, got dict"):
        gatewise.load("run")


class Epochs(Callback):
    """Counts the epochs of all trainings."""

    count = 0

    def on_train_epoch_end(self, trainer, module):
        self.count += 1


def test_a_comparison_takes_callbacks_a_logger_and_options_of_the_trainer(tmp_path, command):
    counter = Epochs()
    options = {**SMALL, "cells": ["rnn", "gru"], "seeds": 2, "out": "run", "progress": False}
    gatewise.compare(
        "forecast", frame(), **options, callbacks=[counter], logger="csv", trainer={"max_epochs": 2}
    )
    assert counter.count == 3 * 2 * 2  # three candidates, of which one is a baseline, two seeds, two epochs
    logs = sorted(one.parent.parent.parent.name for one in tmp_path.rglob("logs/*/metrics.csv"))
    assert {"gru-0", "gru-1", "rnn-0", "rnn-1", "refit"} < set(logs)
    assert len(logs) == 7
    assert len((tmp_path / "run" / "trainings" / "rnn-0" / "metrics.csv").read_text().splitlines()) == 3


def test_an_interrupted_comparison_resumes_with_callbacks(tmp_path, command):
    options = {**SMALL, "cells": ["rnn"], "seeds": 1, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        gatewise.compare("forecast", frame(), **options, out="run", callbacks=[Interrupt()])
    counter = Epochs()
    resumed = gatewise.resume("run", progress=False, callbacks=[counter])
    assert counter.count == 1 + 3  # the epoch that was left of one network, and all of the other
    whole = gatewise.compare("forecast", frame(), **options)
    assert resumed.table.drop("seconds").equals(whole.table.drop("seconds"))


def test_options_come_from_a_file_and_those_in_python_take_precedence(tmp_path, command):
    (tmp_path / "options.yaml").write_text("horizon: 4\ncontext: 12\nhidden: 3\ncell: rnn\nepochs: 1\n")
    model = gatewise.Forecaster(config="options.yaml", progress=False).fit(frame(), hidden=2)
    assert model.model_.name == "rnn"
    assert model._trained_with.hidden == 2
    assert model.predict().height == 4
    (tmp_path / "compare.yaml").write_text("horizon: 4\ncontext: 12\nhidden: 3\ncells: [rnn]\nseeds: 1\n")
    compared = gatewise.compare(
        "forecast", frame(), config="compare.yaml", epochs=1, cells="gru", progress=False
    )
    assert compared.chosen(baseline=False).name == "gru"
    (tmp_path / "empty.yaml").write_text("hidden: 3\n")
    with pytest.raises(gatewise.GatewiseError, match="the option 'horizon' is missing"):
        gatewise.Forecaster(config="empty.yaml", progress=False).fit(frame())


def test_a_file_of_options_executes_no_python_file(tmp_path, command):
    (tmp_path / "cell.py").write_text("raise SystemExit")
    (tmp_path / "options.yaml").write_text("horizon: 4\ncell: cell.py:Mine\n")
    with pytest.raises(gatewise.GatewiseError, match="a file of options must not execute Python files"):
        gatewise.Forecaster(config="options.yaml", progress=False).fit(frame())


def test_a_run_without_a_name_gets_a_new_folder(tmp_path, command):
    frame().write_csv(tmp_path / "series.csv")
    for number in (1, 2):
        model = gatewise.Forecaster(**{**SMALL, "epochs": 1}, out=True, progress=False).fit("series.csv")
        assert model.comparison_.folder == Path("runs", f"train-series-{number}")
        assert all((model.comparison_.folder / name).is_file() for name in model.comparison_.files)
    assert (
        gatewise.Forecaster(**{**SMALL, "epochs": 1}, progress=False).fit(frame()).comparison_.folder is None
    )


def test_the_kind_of_a_classifier_is_that_of_its_path_or_is_named(tmp_path):
    (tmp_path / "images" / "a").mkdir(parents=True)
    clips = tmp_path / "clips.npz"
    choose = lambda data, **options: gatewise.Classifier(**options)._task_for(data, {}).name  # noqa: E731
    assert choose(tmp_path / "images") == "classify-images"
    assert choose(str(clips)) == "frames"
    assert choose("steps.csv") == "classify"
    assert choose(tmp_path / "images", kind="frames") == "frames"
    with pytest.raises(gatewise.GatewiseError, match="no kind 'films'; give classify, classify-images"):
        choose(clips, kind="films")
