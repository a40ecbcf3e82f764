"""The contest: what is said of who won, and by what the model for use is chosen."""

import csv
from dataclasses import replace

import pytest

from gatewise.tasks import find_task
from gatewise.tasks.comparison import Entry
from gatewise.training.runner import Arena, write_leaderboard
from tests.series import Quiet, data

TASK = find_task("forecast")


def entry(name, mase, baseline=False, spread=0.0, validation=1.0):
    scores = {"mase": mase, "smape": 0.1, "rmse": 1.0, "pinball": 0.5, "coverage": 0.8}
    return Entry(name, baseline, scores, spread, 1, 10, 2.0, validation, None)


def contest(*entries):
    return Arena(TASK, None, Quiet(), {}).ranked(list(entries))


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (
            [entry("lstm", 0.6), entry("ridge", 0.8, True)],
            "lstm wins with a MASE of 0.600, 25.0% below the best baseline, ridge (0.800).",
        ),
        (
            [entry("lstm", 1.0), entry("ridge", 0.8, True)],
            "A baseline suffices here: ridge wins with a MASE of 0.800, "
            "20.0% below the best network, lstm (1.000).",
        ),
        (
            [entry("lstm", 0.792, spread=0.02), entry("ridge", 0.8, True)],
            "lstm wins with a MASE of 0.792, 1.0% below the best baseline, ridge (0.800). "
            "That is within the spread of the trainings: take them as equal.",
        ),
        ([entry("naive", 0.8, True)], "naive has the lowest MASE, 0.800."),
    ],
)
def test_verdicts(entries, expected):
    assert contest(*entries).verdict() == expected


def test_the_validation_part_chooses_and_the_test_part_has_no_say():
    told = contest(entry("lstm", 0.5, validation=2.0), entry("gru", 0.7, validation=1.0))
    assert told.chosen(baseline=False).name == "gru"
    assert told.chosen(baseline=True) is None


def test_cheap_baselines_leave_out_a_season_that_is_none():
    prepared = data()
    arena = Arena(TASK, prepared, Quiet(), {})
    names = ["naive", "seasonal-naive", "ridge"]
    assert [one.name for one in arena.baselines(TASK.baselines(prepared))] == names
    assert arena.watcher.finished == names
    unseasonal = replace(prepared, plan=replace(prepared.plan, period=1))
    assert list(TASK.baselines(unseasonal)) == ["naive", "ridge"]


def test_the_leaderboard_file(tmp_path):
    path = tmp_path / "leaderboard.csv"
    write_leaderboard(path, contest(entry("lstm", 0.6), entry("ridge", 0.8, True)))
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["lstm", "ridge"]
    assert rows[0]["mase"] == "0.6"
