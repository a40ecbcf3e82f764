"""The comparison: its verdict, and how the model for use is chosen."""

import csv
from dataclasses import replace

import pytest

from gatewise.tasks import find_task
from gatewise.tasks.comparison import Result
from gatewise.training.runner import Runner, write_leaderboard
from tests.series import Quiet, data

TASK = find_task("forecast")


def result(name, mase, baseline=False, std=0.0, validation=1.0):
    scores = {"mase": mase, "smape": 0.1, "rmse": 1.0, "pinball": 0.5, "coverage": 0.8}
    return Result(name, baseline, scores, std, 1, 10, 2.0, validation, None)


def comparison(*results):
    return Runner(TASK, data(), Quiet(), {}).ranked(list(results))


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (
            [result("lstm", 0.6), result("ridge", 0.8, True)],
            "lstm wins with a MASE of 0.600, 25.0% below the best baseline, ridge (0.800).",
        ),
        (
            [result("lstm", 1.0), result("ridge", 0.8, True)],
            "A baseline suffices here: ridge wins with a MASE of 0.800, "
            "20.0% below the best network, lstm (1.000).",
        ),
        (
            [result("lstm", 0.792, std=0.02), result("ridge", 0.8, True)],
            "lstm wins with a MASE of 0.792, 1.0% below the best baseline, ridge (0.800). "
            "The difference is within one standard deviation of the trainings: take them as equal.",
        ),
        (
            [result("lstm", 0.8), result("ridge", 0.8, True)],
            "A baseline suffices here: ridge, the best baseline, and lstm, the best network, "
            "tie with a MASE of 0.800.",
        ),
        (
            [result("ridge", 0.8, True, std=0.1), result("lstm", 0.80001)],
            "A baseline suffices here: ridge, the best baseline, and lstm, the best network, "
            "tie with a MASE of 0.800.",
        ),
        ([result("naive", 0.8, True)], "naive has a MASE of 0.800."),
        ([result("naive", 0.8, True), result("mean", 0.9, True)], "naive has the lowest MASE, 0.800."),
    ],
)
def test_verdicts(results, expected):
    assert comparison(*results).verdict == expected


def test_the_validation_set_chooses_and_the_test_set_does_not():
    found = comparison(result("lstm", 0.5, validation=2.0), result("gru", 0.7, validation=1.0))
    assert found.chosen(baseline=False).name == "gru"
    assert found.chosen(baseline=True) is None


def test_cheap_baselines_leave_out_a_season_that_is_none():
    prepared = data()
    runner = Runner(TASK, prepared, Quiet(), {})
    names = ["naive", "seasonal-naive", "ridge"]
    assert [one.name for one in runner.baselines(TASK.baselines(prepared))] == names
    assert runner.callback.finished == names
    unseasonal = replace(prepared, plan=replace(prepared.plan, period=1))
    assert list(TASK.baselines(unseasonal)) == ["naive", "ridge"]


def test_the_leaderboard_file(tmp_path):
    path = tmp_path / "leaderboard.csv"
    write_leaderboard(path, comparison(result("lstm", 0.6), result("ridge", 0.8, True)))
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["lstm", "ridge"]
    assert rows[0]["mase"] == "0.6"
