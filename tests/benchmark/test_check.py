"""No time for wrong results: what computes something else is found out, whatever it gets wrong."""

import pytest
import torch

from gatewise.benchmark.candidate import BFLOAT16, INT8, Results, TorchCandidate
from gatewise.benchmark.check import Checker
from gatewise.benchmark.competitors import COMPETITORS, OURS
from gatewise.benchmark.competitors.scripted import LOOPS
from gatewise.benchmark.own_cell import SoftplusLSTM
from gatewise.benchmark.shapes import Shape
from gatewise.benchmark.workload import (
    ALL_STEPS,
    LAST_STEP,
    ONE_STEP,
    PASSES,
    ZEROS,
    BenchmarkCase,
    BenchmarkProblem,
)
from gatewise.cells import GRU, LSTM, RNN
from gatewise.errors import GatewiseError

SMALL = (Shape(3, 12, 5, 8), Shape(4, 12, 5, 8, ragged=True))
BY_NAME = {one.name: one for one in (*OURS, *COMPETITORS)}


@pytest.mark.parametrize("cell", [LSTM, GRU, RNN, SoftplusLSTM])
@pytest.mark.parametrize(
    "library", ["gatewise", "gatewise cell", "gatewise stepper", "torch.nn", "torch.nn cell", "onnxruntime"]
)
def test_one_step_continues_from_the_state(library, cell):
    competitor, case = BY_NAME[library], BenchmarkCase(cell, Shape(2, 1, 5, 8), ONE_STEP)
    if competitor.missing() or competitor.refusal(case):
        pytest.skip(competitor.missing() or competitor.refusal(case))
    assert competitor.fits(case)
    problem = BenchmarkProblem.of(case)
    assert all((one != 0).all() for one in problem.state.values())
    assert Checker(problem).disagreement(competitor.prepare(problem), "forward") is None


@pytest.mark.parametrize("workload", [ALL_STEPS, LAST_STEP, ZEROS])
@pytest.mark.parametrize("shape", SMALL, ids=str)
@pytest.mark.parametrize(
    ("library", "cell"),
    [("torch.nn", cell) for cell in (LSTM, GRU, RNN)]
    + [("TorchScript", cell) for cell in LOOPS]
    + [("eager loop", SoftplusLSTM)]
    + [("JAX", cell) for cell in (LSTM, GRU, *LOOPS)]
    + [(library, cell) for library in ("onnxruntime", "OpenVINO") for cell in (LSTM, GRU, RNN)],
)
def test_every_competitor_agrees(library, cell, shape, workload):
    competitor, case = BY_NAME[library], BenchmarkCase(cell, shape, workload)
    if competitor.missing() or not competitor.fits(case):
        pytest.skip(competitor.missing() or "it computes no gradient")
    assert competitor.refusal(case) is None
    problem = BenchmarkProblem.of(case)
    checker, candidate = Checker(problem), competitor.prepare(problem)
    assert {checker.disagreement(candidate, which) for which in competitor.measured(case)} <= {None}


class Altered(TorchCandidate):
    """A candidate whose results somebody changes."""

    def __init__(self, candidate, alter):
        self.candidate, self.alter = candidate, alter

    def forward(self):
        return self.candidate.forward()

    def both(self):
        return self.candidate.both()

    def read(self, done):
        found = self.candidate.read(done)
        results = Results(
            found.output.clone(),
            tuple(one.clone() for one in found.final),
            {name: one.clone() for name, one in found.gradients.items()},
        )
        self.alter(results)
        return results


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (lambda one: one.output[-1, 0, 0].add_(0.01), "the output is off by 1.0e-02"),
        (lambda one: one.output[0, 0, 0].fill_(torch.nan), "the output is off by nan"),
        (lambda one: one.final[1].mul_(1.01), "final state 2 is"),
        (lambda one: one.gradients["input"].mul_(1.01), "the gradient of input is"),
        (lambda one: one.gradients["bias_hh"].mul_(0), "the gradient of bias_hh is"),
        (lambda one: one.gradients.pop("weight_ih"), "the gradient of weight_ih has shape"),
    ],
)
def test_a_wrong_candidate_is_found_out(alter, expected):
    problem = BenchmarkProblem.of(BenchmarkCase(LSTM, SMALL[0]))
    checker, right = Checker(problem), BY_NAME["eager loop"].prepare(problem)
    assert checker.disagreement(right, "both") is None
    assert expected in checker.disagreement(Altered(right, alter), "both")


def test_the_forward_pass_is_checked_by_itself():
    problem = BenchmarkProblem.of(BenchmarkCase(LSTM, SMALL[0]))
    altered = Altered(BY_NAME["eager loop"].prepare(problem), lambda one: one.output.mul_(1.01))
    assert "the output is" in Checker(problem).disagreement(altered, "forward")


def test_int8_weights_may_be_off_by_their_own_rounding_only():
    problem = BenchmarkProblem.of(BenchmarkCase(LSTM, Shape(2, 6, 5, 8), ALL_STEPS))
    rounded = BY_NAME["gatewise"].prepare(problem, INT8)
    assert Checker(problem, INT8).disagreement(rounded, "forward") is None
    assert Checker(problem).disagreement(rounded, "forward") is not None
    doubled = Altered(rounded, lambda one: one.output.mul_(1.1))
    assert Checker(problem, INT8).disagreement(doubled, "forward") is not None


def test_bfloat16_may_be_off_by_its_own_rounding_only():
    problem = BenchmarkProblem.of(BenchmarkCase(LSTM, SMALL[0]))
    rounded = BY_NAME["eager loop"].prepare(problem, BFLOAT16)
    assert Checker(problem, BFLOAT16).disagreement(rounded, "both") is None
    assert Checker(problem).disagreement(rounded, "both") is not None


def test_what_is_kept_is_counted():
    problem = BenchmarkProblem.of(BenchmarkCase(RNN, Shape(2, 3, 4, 5)))

    def run(values):
        output = torch.tanh(values.sum(-1, keepdim=True).expand(3, 2, 5) * 1)  # keeps its own output
        return output, (output[-1],)

    assert TorchCandidate(problem, run, {}).saved_bytes() == 3 * 2 * 5 * 4


def test_a_competitor_that_is_left_out_has_a_reason():
    case = BenchmarkCase(SoftplusLSTM, SMALL[0])
    assert BY_NAME["torch.nn"].refusal(case) == "it has LSTM, GRU and RNN only"
    assert "LSTM, GRU and RNN" in BY_NAME["onnxruntime"].refusal(case)
    assert BY_NAME["TorchScript"].refusal(BenchmarkCase(LSTM, SMALL[0])) is not None
    assert set(PASSES) == {"forward", "both"}


def test_pytorch_quantizes_no_plain_recurrent_network():
    problem = BenchmarkProblem.of(BenchmarkCase(RNN, SMALL[0]))
    with pytest.raises(GatewiseError, match="has LSTM and GRU only"):
        BY_NAME["torch.nn"].prepare(problem, INT8)
