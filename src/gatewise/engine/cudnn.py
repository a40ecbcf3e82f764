"""The cuDNN backend: PyTorch's own operators on a GPU, for the cells whose equations they hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gatewise.cells.base import CellType
from gatewise.cells.gru import GRU
from gatewise.cells.lstm import LSTM
from gatewise.cells.rnn import RNN, ReluRNN
from gatewise.cells.serialization import to_data
from gatewise.engine.recording import jit_tracing
from gatewise.engine.request import Request, Result
from gatewise.engine.sequences import backwards, within
from gatewise.engine.shapes import check, check_types

OPERATORS: dict[CellType, Callable[..., Any]] = {
    LSTM: torch.lstm,
    GRU: torch.gru,
    RNN: torch.rnn_tanh,
    ReluRNN: torch.rnn_relu,
}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "projection")  # in the operators' order
PLAIN = (Tensor, torch.nn.Parameter)

# cuDNN copies weights that lie apart. Ours do, each a tensor of its own: a model's file needs them so.
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")


class Cudnn:
    """Serves LSTM, GRU, RNN and ReluRNN on a GPU, through cuDNN where PyTorch has it.

    device: the kind of device whose tensors it serves; on any other the operators are PyTorch's own

    Under autocast it computes in the parameters' own dtype, and the results have that of the states:
    cuDNN would take float16, whatever was asked for. Its gradient has no gradient of its own; within
    `torch.backends.cudnn.flags(enabled=False)` it has.
    """

    name = "cudnn"

    def __init__(self, device: str = "cuda") -> None:
        self.device = device

    def refusal(self, request: Request) -> str | None:
        return self._mode(request) or _equations_missing(request) or _extras(request)

    def run(self, request: Request) -> Result:
        check(request)
        check_types(request)
        inputs, lengths, state = request.inputs, request.lengths, request.state
        inside = None
        if lengths is not None:
            inside = within(lengths, inputs.shape[0])[:, :, None]
            inputs = inputs.masked_fill(~inside, 0.0)  # a sequence of no length runs one step, unseen
        if request.reverse:
            inputs = backwards(inputs, lengths)
        output, final = _along(request, inputs)
        if inside is not None:
            output = output.masked_fill(~inside, 0.0)
            final = {name: torch.where(inside[0], value, state[name]) for name, value in final.items()}
        if request.reverse:
            output = backwards(output, lengths)
        first = request.cell.state[0]
        final = {name: value.to(state[name].dtype) for name, value in final.items()}
        return Result(output.to(state[first].dtype), final)

    def _mode(self, request: Request) -> str | None:
        """What of PyTorch's modes and tensors the operators can't serve."""
        values = (request.inputs, *request.state.values())
        tensors = (*values, *request.parameters.values())
        for one in tensors:
            if type(one) not in PLAIN:
                return f"it serves plain tensors, and this is a {type(one).__name__}"
            if one.device.type != self.device:
                return f"it serves tensors on {self.device}, and this is one on {one.device.type}"
        dtypes = {one.dtype for one in request.parameters.values()}
        if not torch.is_autocast_enabled(self.device):
            dtypes |= {one.dtype for one in values}
        if len(dtypes) > 1:
            return f"it serves tensors of one dtype, and these are {', '.join(sorted(map(str, dtypes)))}"
        batched = any(torch._C._functorch.maybe_get_level(one) != -1 for one in tensors)
        if batched or forward_ad._current_level >= 0:
            return "it serves gradients in reverse mode, and this is torch.func or forward mode"
        return None


def _equations_missing(request: Request) -> str | None:
    if _operator(request.cell) is None:
        known = ", ".join(cell.__name__ for cell in OPERATORS)
        return f"it serves the equations of {known}, and this is {request.cell.__name__}"
    if "projection" in request.parameters and _operator(request.cell) is not torch.lstm:
        return f"it serves the projection of an LSTM, and this is {request.cell.__name__}"
    return None


def _extras(request: Request) -> str | None:
    given = {
        "resets": request.resets is not None,
        "zoneout": bool(request.zoneout),
        "variational dropout": request.hidden_mask is not None,
        "a trace": request.trace,
    }
    asked = " and ".join(name for name, there in given.items() if there)
    if asked:
        return f"it serves what torch.nn has, and this is with {asked}"
    if request.inputs.numel() == 0:
        return "it serves batches that hold a number, and this is an empty one"
    return None


@cache
def _operator(cell: CellType) -> Callable[..., Any] | None:
    """The operator with the very same equations; the order of the lines is that of the weights' blocks."""

    def equations(one: CellType) -> tuple[Any, ...]:
        data = to_data(one)
        return data["state"], list(data["lines"].items())

    return next((found for known, found in OPERATORS.items() if equations(known) == equations(cell)), None)


def _along(request: Request, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Output [T, B, H or P] and last states; beyond its length a sequence is not looked at."""
    operator, parameters = _operator(request.cell), request.parameters
    assert operator is not None
    weights = [parameters[name] for name in WEIGHTS if name in parameters]
    states = [request.state[name].to(weights[0].dtype)[None] for name in request.cell.state]
    inputs = inputs.to(weights[0].dtype)
    training = torch.is_grad_enabled() or jit_tracing()  # cuDNN has no gradient otherwise
    options = (weights, "bias_ih" in parameters, 1, 0.0, training, False)  # one layer, one direction
    with torch.autocast(inputs.device.type, enabled=False):
        if request.lengths is None:
            output, *final = operator(inputs, _one_or_all(states), *options, False)
        else:
            packed = pack_padded_sequence(inputs, request.lengths.cpu().clamp(min=1), enforce_sorted=False)
            _, sizes, order, back = packed
            states = [value[:, order] for value in states]
            data, *final = operator(packed.data, sizes, _one_or_all(states), *options)
            output, _ = pad_packed_sequence(
                PackedSequence(data, sizes, order, back), total_length=inputs.shape[0]
            )
            final = [value[:, back] for value in final]
    return output, {name: value[0] for name, value in zip(request.cell.state, final, strict=True)}


def _one_or_all(states: list[Tensor]) -> Tensor | list[Tensor]:
    """The states as the operators take them: a cell's only one by itself."""
    return states[0] if len(states) == 1 else states
