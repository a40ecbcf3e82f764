"""Single steps: cells and the stepper; those of whole layers are in the files of their libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from gatewise.benchmark.candidate import (
    BFLOAT16,
    FLOAT32,
    Competitor,
    Results,
    TimedCandidate,
    TorchCandidate,
    joined,
)
from gatewise.benchmark.workload import ONE_STEP, BenchmarkCase, BenchmarkProblem
from gatewise.cells import GRU, LSTM, RNN
from gatewise.cells.base import CellType
from gatewise.layers import Recurrent, RecurrentCell
from gatewise.layers.stepper import Stepper

CELLS: dict[CellType, Callable[[int, int], nn.RNNCellBase]] = {
    LSTM: nn.LSTMCell,
    GRU: nn.GRUCell,
    RNN: nn.RNNCell,
}


class OurStepper(Competitor):
    """The layer's stepper, which holds the state: each call continues from the one before."""

    name = "gatewise stepper"
    passes = ("forward",)
    workloads = (ONE_STEP,)

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        assert isinstance(problem.layer, Recurrent)
        stepper = problem.layer.stepper(problem.case.shape.batch)
        assert problem.state is not None
        stepper.state = joined([one[None] for one in problem.state.values()])
        return _Stepping(stepper, problem.values[0])


class _Stepping(TimedCandidate):
    def __init__(self, stepper: Stepper, values: Tensor) -> None:
        self.stepper, self.values = stepper, values

    def forward(self) -> Tensor:
        return self.stepper.step(self.values)

    def read(self, done: Any) -> Results:
        state = self.stepper.state
        states = state if isinstance(state, tuple) else (state,)
        return Results(done[None], tuple(one[0] for one in states))


class OurCell(Competitor):
    """`RecurrentCell`, with the state passed by hand."""

    name = "gatewise cell"
    passes = ("forward",)
    workloads = (ONE_STEP,)
    dtypes = (FLOAT32, BFLOAT16)

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        shape = problem.case.shape
        return _cell(RecurrentCell(problem.case.cell, shape.inputs, shape.hidden), problem, dtype)


class TorchCell(OurCell):
    """`torch.nn.LSTMCell`, `GRUCell` and `RNNCell`, with the state passed by hand."""

    name = "torch.nn cell"

    def refusal(self, case: BenchmarkCase) -> str | None:
        return None if case.cell in CELLS else "it has LSTM, GRU and RNN only"

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        shape = problem.case.shape
        return _cell(CELLS[problem.case.cell](shape.inputs, shape.hidden), problem, dtype)


def _cell(cell: nn.Module, problem: BenchmarkProblem, dtype: str) -> TorchCandidate:
    """A module that runs one step, with the weights of the problem."""
    cell.load_state_dict(problem.parameters())
    assert problem.state is not None
    hx = joined(list(problem.state.values()))

    def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        states = cell(values[0], hx)
        states = states if isinstance(states, tuple) else (states,)
        return states[0][None], states

    return TorchCandidate(problem, run, dict(cell.named_parameters()), dtype)
