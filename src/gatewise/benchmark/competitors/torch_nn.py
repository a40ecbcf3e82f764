"""The layers of `torch.nn`, int8 by dynamic quantization; ragged batches are packed sequences."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.ao.quantization import quantize_dynamic
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.benchmark.candidate import (
    BFLOAT16,
    FLOAT32,
    INT8,
    Competitor,
    TimedCandidate,
    TorchCandidate,
    joined,
    states,
)
from gatewise.benchmark.workload import WORKLOADS, BenchmarkCase, BenchmarkProblem
from gatewise.cells import GRU, LSTM, RNN
from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError

LAYERS: dict[CellType, Callable[[int, int], nn.RNNBase]] = {LSTM: nn.LSTM, GRU: nn.GRU, RNN: nn.RNN}


class TorchNN(Competitor):
    """LSTM, GRU and RNN; LSTM and GRU with int8 weights."""

    name = "torch.nn"
    workloads = tuple(WORKLOADS)
    dtypes = (FLOAT32, BFLOAT16, INT8)

    def refusal(self, case: BenchmarkCase) -> str | None:
        return None if case.cell in LAYERS else "it has LSTM, GRU and RNN only"

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        shape = problem.case.shape
        layer = LAYERS[problem.case.cell](shape.inputs, shape.hidden)
        layer.load_state_dict(problem.layer.state_dict())
        layer = _quantized(layer) if dtype == INT8 else layer
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
        return TorchCandidate(problem, run, parameters, dtype)


def _quantized(layer: nn.RNNBase) -> nn.RNNBase:
    """The layer with int8 weights, by PyTorch's dynamic quantization.

    Raises: `GatewiseError` if PyTorch has no such layer.
    """
    module = quantize_dynamic(nn.Sequential(layer), {type(layer)})
    if type(module[0]) is type(layer):
        raise GatewiseError("PyTorch's dynamic quantization has LSTM and GRU only")
    return module[0]
