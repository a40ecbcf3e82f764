"""The layers of `torch.nn`; ragged batches are packed sequences."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.benchmark.candidate import Competitor, TimedCandidate, TorchCandidate, joined, states
from gatewise.benchmark.workload import WORKLOADS, BenchmarkCase, BenchmarkProblem
from gatewise.cells import GRU, LSTM, RNN
from gatewise.cells.base import CellType

LAYERS: dict[CellType, Callable[[int, int], nn.RNNBase]] = {LSTM: nn.LSTM, GRU: nn.GRU, RNN: nn.RNN}


class TorchNN(Competitor):
    """LSTM, GRU and RNN."""

    name = "torch.nn"
    workloads = tuple(WORKLOADS)
    has_bfloat16 = True

    def refusal(self, case: BenchmarkCase) -> str | None:
        return None if case.cell in LAYERS else "it has LSTM, GRU and RNN only"

    def prepare(self, problem: BenchmarkProblem, bfloat16: bool = False) -> TimedCandidate:
        shape = problem.case.shape
        layer = LAYERS[problem.case.cell](shape.inputs, shape.hidden)
        layer.load_state_dict(problem.layer.state_dict())
        lengths = problem.lengths
        hx = problem.state and joined([one[None] for one in problem.state.values()])

        def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            if lengths is None:
                output, last = layer(values, hx)
                return output, states(last)
            packed, last = layer(pack_padded_sequence(values, lengths, enforce_sorted=False))
            output, _ = pad_packed_sequence(packed, total_length=len(values))
            return output, states(last)

        parameters: dict[str, Tensor] = {
            name.removesuffix("_l0"): one for name, one in layer.named_parameters()
        }
        return TorchCandidate(problem, run, parameters, bfloat16)
