"""The criteria of the classic experiments, and the ranking of the variants."""

import json
from argparse import Namespace

import pytest
import torch

from gatewise.cells import GRU, LSTM, PeepholeLSTM
from gatewise.insight.problems import copying, of_1997, spikes
from gatewise.insight.problems.reber import strings


def random(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def trials(script):
    return script("classics_trials")


def order(rows, generator):
    return of_1997.temporal_order(2, rows, generator)


def test_a_problem_is_solved_when_enough_of_the_last_sequences_are_right(trials):
    options = {"units": 4, "rows": 20, "forget_bias": 5.0, "tolerance": 0.3, "mean_error": 0.1, "wrong": 1}
    trial = trials.AtEnd(LSTM, random(), order, streak=100, **options)
    for errors, solved in (
        ([0.05] * 100, True),
        ([0.05] * 99, False),
        ([0.05] * 99 + [0.4], True),
        ([0.05] * 98 + [0.4] * 2, False),
        ([0.2] * 100, False),
    ):
        trial.recent = torch.tensor(errors)
        assert trial.is_solved() == solved
    trial.recent, trial.tolerance, trial.mean_error = torch.zeros(0), 2.0, 2.0
    found = trials.run(trial, 0.01, trials.Budget(8000, 1.0))
    assert (found["solved"], found["sequences"], found["test wrong"]) == (True, 100, 0)
    assert found["test error"] == pytest.approx(0.75, abs=0.05)


def test_a_training_ends_with_its_budget(trials):
    options = {"units": 4, "rows": 20, "forget_bias": 5.0, "tolerance": 0.3}
    found = trials.run(trials.AtEnd(GRU, random(), order, **options), 0.01, trials.Budget(60, 1.0))
    assert not found["solved"]
    assert found["sequences"] == 60
    assert found["test wrong"] > 1000


def test_strings_are_right_if_what_may_follow_has_the_largest_outputs(trials, monkeypatch):
    trial = trials.ReberStrings(LSTM, random(), units=4, rows=16)
    problem = strings(20, random(1))
    outputs = problem.targets + 0.1 * torch.rand(problem.targets.shape)
    monkeypatch.setattr(trial, "network", lambda inputs: (outputs, None))
    assert trial.right(problem).all()
    outputs[3, 5] = 1 - problem.targets[3, 5]
    assert trial.right(problem).tolist() == [row != 5 for row in range(20)]


def test_the_target_of_a_string_is_the_symbol_that_follows(trials, monkeypatch):
    trial = trials.ReberStrings(LSTM, random(), units=4, rows=256)
    rows = trial.order
    inputs, targets, counted = (one[:, rows] for one in trial.train)
    outputs = torch.zeros(targets.shape)
    for row in range(256):
        steps = int(counted[:, row].sum())
        outputs[: steps - 1, row] = 50 * inputs[1:steps, row]
        outputs[steps - 1, row] = 50 * targets[steps - 1, row]
    monkeypatch.setattr(trial, "network", lambda inputs: (outputs, None))
    assert trial.loss() < 1e-6


def test_counting_is_measured_up_to_the_first_string_that_is_wrong(trials, monkeypatch):
    trial = trials.Counting(PeepholeLSTM, random(), letters=2, units=4)

    def network(inputs):
        """Right up to n = 7: the readout of a perfect counter, which then takes no b for permitted."""
        symbols = inputs.argmax(-1)
        a, b = ((symbols == letter).cumsum(0) for letter in (0, 1))
        output = torch.full(inputs.shape, -9.0)
        output[..., 0] = torch.where(b == 0, 9.0, -9.0)
        output[..., 1] = torch.where((a > 0) & ((b == 0) | (b < a)) & (a < 8), 9.0, -9.0)
        output[..., 3] = torch.where((a > 0) & (b == a), 9.0, -9.0)
        return output, None

    monkeypatch.setattr(trial, "network", network)
    assert trial.largest() == 7


@pytest.mark.parametrize("cell", [LSTM, PeepholeLSTM])
def test_streams_spikes_and_copies_are_trained_and_scored(trials, cell):
    budget = trials.Budget(100, 1.0)
    trial = trials.ReberStream(cell, random(), units=4, rows=2)
    assert trials.run(trial, 0.01, budget)["test symbols to the first error"] < 50
    for draw in (spikes.measured_delays, spikes.generated_spikes):
        timed = trials.Spikes(
            cell, random(), lambda *which, draw=draw: draw(5, 1, *which), units=4, rows=20, spikes=3
        )
        found = trials.run(timed, 0.01, budget)
        assert 0 < found["test steps wrong"] <= found["test steps"] / 5
    trial = trials.Copying(cell, random(), copying.copy_memory, 5, units=4, rows=50)
    found = trials.run(trial, 0.01, budget)
    assert found["test loss"] > found["memoryless loss"]
    assert found["symbols right"] < 0.3


def test_trainings_that_are_there_are_not_run_again(script, monkeypatch, tmp_path):
    classics = script("classics")
    monkeypatch.setattr(
        classics,
        "measure",
        lambda classic, cell, seed: {
            "solved": cell != "rnn", "sequences": 1000 + seed, "minutes": 0.5, "test wrong": seed,
            "test strings": 256,
        },
    )  # fmt: skip
    settings = Namespace(out=tmp_path, only=["reber"], cells=classics.CELLS, seed=0, seeds=1)
    classics.run_missing(settings)
    settings.seeds = 2
    classics.run_missing(settings)
    measured = json.loads((tmp_path / "classics.json").read_text())["measured"]
    assert list(measured) == [f"reber {cell} {seed}" for seed in (0, 1) for cell in ("lstm", "gru", "rnn")]
    rows = classics.table(measured).splitlines()
    assert rows[2].endswith("| LSTM | 2 of 2 | 1,000, 1,001 | wrong: 0, 1 of 256 | 0.5 |")
    assert rows[4].endswith("|  |  | RNN | 0 of 2 | not in 1,001 | wrong: 0, 1 of 256 | 0.5 |")


def test_every_problem_has_a_network_for_each_of_its_cells(script):
    classics = script("classics")
    for classic in classics.PROBLEMS.values():
        for cell in classic.cells:
            assert classic.make(classics.find_cell(cell), random()).network.out.weight.shape[0] >= 1


def test_variants_are_ranked_with_corrected_tests(script):
    variants = script("variants")
    drawn = variants.draws(12, 0)
    assert drawn == variants.draws(12, 0)
    assert all(0.001 <= one["rate"] <= 0.05 and 20 <= one["units"] <= 100 for one in drawn)

    def found(shift):
        return [
            {variants.SCORE: 9 + 0.1 * number + shift, "validation nats": float(number)}
            for number in range(12)
        ]

    rows = variants.ranking({"peephole": found(0.0), "lstm": found(-0.01), "noforgetgatelstm": found(0.5)})
    assert [row["variant"] for row in rows] == ["NP", "V", "NFG"]
    assert [row["best"] for row in rows] == pytest.approx([8.99, 9.0, 9.5])
    assert rows[2]["difference"] == pytest.approx(0.5)
    assert rows[2]["p"] == pytest.approx(2 * 2 / 2**12)  # of two tests
