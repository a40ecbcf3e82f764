"""A search for options: what is varied, what its folder has, and how it continues."""

import sys

import polars as pl
import pytest
from optuna.trial import TrialState

import gatewise
from gatewise.errors import GatewiseError
from gatewise.tasks import find_task
from gatewise.tasks.search_space import draw_options, search_space
from gatewise.training.search import open_study
from tests.series import frame

SMALL = {"horizon": 4, "context": 12, "hidden": 4, "layers": 1, "epochs": 1}


@pytest.fixture
def searched(tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    return gatewise.tune(
        "forecast", tmp_path / "data.csv", trials=2, out=tmp_path / "search", progress=False, **SMALL
    )


def test_given_options_stay_and_a_search_continues(searched, tmp_path):
    assert set(searched.best) == {"learning_rate", "weight_decay", "cell"}
    assert searched.table.height == 2
    assert searched.table["pinball"].is_sorted()
    study = open_study(tmp_path / "search")
    assert searched.table["pinball"][0] == study.best_value
    study.enqueue_trial({"learning_rate": 1e-3})
    study.ask().suggest_float("learning_rate", 3e-4, 1e-2, log=True)  # by a process that is killed then
    again = gatewise.tune(
        "forecast", tmp_path / "data.csv", trials=4, out=tmp_path / "search", progress=False, **SMALL
    )
    states = [trial.state for trial in open_study(tmp_path / "search").trials]
    assert states == [*[TrialState.COMPLETE] * 2, TrialState.FAIL, TrialState.COMPLETE]
    assert again.table.filter(trial=4)["learning_rate"].item() == 1e-3
    assert again.table["weight_decay"].drop_nulls().is_duplicated().sum() == 0
    assert again.verdict.startswith(
        f"trial {again.table['trial'][0]} is the best of 4 (0 stopped early, 1 fai"
    )


def test_the_data_are_read_once(tmp_path, monkeypatch, capsys):
    frame().write_csv(tmp_path / "data.csv")
    task, read = find_task("forecast"), []
    whole = type(task).read
    monkeypatch.setattr(type(task), "read", lambda *given: (read.append(given), whole(*given))[1])
    gatewise.tune("forecast", tmp_path / "data.csv", trials=1, out=tmp_path / "search", **SMALL)
    assert len(read) == 1
    assert " ".join(capsys.readouterr().out.split()).count("a step is one month") == 1


def test_the_best_trial_is_a_run_like_any_other(searched, tmp_path):
    folder = searched.model.comparison_.folder
    assert folder.parent == tmp_path / "search" / "trials"
    assert {"leaderboard.csv", "model.json", "run.json", "forecast.png"} <= {
        one.name for one in folder.iterdir()
    }
    trials = pl.read_csv(tmp_path / "search" / "trials.csv")
    assert trials["trial"][0] == int(folder.name)
    alone = gatewise.Forecaster(**SMALL, **searched.best, progress=False).fit(tmp_path / "data.csv")
    assert alone.predict().equals(gatewise.load(folder).predict(tmp_path / "data.csv"))
    assert len(searched.plot().axes) in (1, 2)


def test_a_folder_has_one_search(searched, tmp_path):
    frame(steps=90).write_csv(tmp_path / "other.csv")
    for data, more, what in (("other.csv", {}, "data"), ("data.csv", {"dropout": 0.1}, "options")):
        with pytest.raises(GatewiseError, match=f"has a search with other {what}: give another out"):
            gatewise.tune(
                "forecast", tmp_path / data, out=tmp_path / "search", progress=False, **SMALL, **more
            )
    with pytest.raises(GatewiseError, match="is the folder of a run"):
        gatewise.tune("forecast", tmp_path / "data.csv", out=searched.model.comparison_.folder, **SMALL)


def test_a_search_without_a_trial_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GatewiseError, match="a horizon of 90 needs"):
        gatewise.tune("forecast", frame(), progress=False, **{**SMALL, "horizon": 90})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("limits", [{"trials": 0}, {"minutes": 0}, {"minutes": float("nan")}])
def test_limits_allow_a_trial(limits):
    with pytest.raises(GatewiseError, match=f"expected {next(iter(limits))}"):
        gatewise.tune("forecast", frame(), **limits, **SMALL)


def test_options_of_the_command_line_are_texts(tmp_path):
    given = {name: str(value) for name, value in SMALL.items()}
    found = gatewise.tune("forecast", frame(), trials=1, out=tmp_path / "search", progress=False, **given)
    assert "dropout" not in found.best


def test_a_damaged_study_is_refused_in_one_line(tmp_path):
    (tmp_path / "study.log").write_text("no JSON\n" * 3)
    with pytest.raises(GatewiseError, match=r"study.log is damaged") as caught:
        open_study(tmp_path)
    assert "\n" not in str(caught.value)


def test_without_optuna_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(GatewiseError, match=r'pip install "gatewise\[tune\]"'):
        open_study(tmp_path)


class Highest:
    """A trial that takes the end of each range."""

    def suggest_int(self, name, low, high, log):
        return high

    suggest_float = suggest_int

    def suggest_categorical(self, name, choices):
        return choices[-1]


def test_dropout_between_layers_is_varied_only_if_there_are_several():
    space = search_space(find_task("forecast").options, fixed=["learning_rate", "weight_decay", "hidden"])
    assert draw_options(Highest(), space, {"layers": 1}) == {"layers": 3, "dropout": 0.5}
    del space["layers"]
    assert draw_options(Highest(), space, {"layers": 1}) == {}
    assert draw_options(Highest(), space, {"layers": 2}) == {"dropout": 0.5}
