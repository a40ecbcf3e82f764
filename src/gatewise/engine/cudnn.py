"""The cuDNN backend: PyTorch's own operators on a GPU, for the cells whose equations they have."""

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
from gatewise.engine.request import LayerResult, Request
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

# cuDNN copies weights that are not contiguous. Ours are separate tensors, as saved models need them.
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")


class Cudnn:
    """Runs LSTM, GRU, RNN and ReluRNN on a GPU, through cuDNN if PyTorch has it.

    device: the type of device of the tensors; on devices other than a GPU the operators are PyTorch's own

    Under autocast it computes in the dtype of the parameters, and the results have the dtype of the states:
    cuDNN would use float16 in any case. Its gradient is not differentiable, except within
    `torch.backends.cudnn.flags(enabled=False)`.
    """

    name = "cudnn"

    def __init__(self, device: str = "cuda") -> None:
        self.device = device

    def refusal(self, request: Request) -> str | None:
        return self._mode(request) or _equations_missing(request) or _extras(request)

    def run(self, request: Request) -> LayerResult:
        check(request)
        request = request.dense()
        check_types(request)
        inputs, lengths, state = request.inputs, request.lengths, request.state
        inside = None
        if lengths is not None:
            inside = within(lengths, inputs.shape[0])[:, :, None]
            inputs = inputs.masked_fill(~inside, 0.0)  # an empty sequence runs one step, which is discarded
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
        return LayerResult(output.to(state[first].dtype), final)

    def _mode(self, request: Request) -> str | None:
        """The mode or tensor that the operators don't support, or None."""
        values = (request.inputs, *request.state.values())
        tensors = (*values, *request.parameters.values())
        for one in tensors:
            if type(one) not in PLAIN:
                return f"it supports plain tensors, not {type(one).__name__}"
            if one.device.type != self.device:
                return f"it supports tensors on {self.device}, not on {one.device.type}"
        dtypes = {one.dtype for one in request.parameters.values()}
        if not torch.is_autocast_enabled(self.device):
            dtypes |= {one.dtype for one in values}
        if len(dtypes) > 1:
            return f"it supports tensors of one dtype, not of {', '.join(sorted(map(str, dtypes)))}"
        batched = any(torch._C._functorch.maybe_get_level(one) != -1 for one in tensors)
        if batched or forward_ad._current_level >= 0:
            return "it supports gradients in reverse mode, not torch.func or forward mode"
        return None


def _equations_missing(request: Request) -> str | None:
    if operator_of(request.cell) is None:
        known = ", ".join(cell.__name__ for cell in OPERATORS)
        return f"it supports {known}, not {request.cell.__name__}"
    if "projection" in request.parameters and operator_of(request.cell) is not torch.lstm:
        return f"it supports the projection of an LSTM, not of {request.cell.__name__}"
    return None


def _extras(request: Request) -> str | None:
    given = {
        "resets": request.resets is not None,
        "zoneout": bool(request.zoneout),
        "variational dropout": request.hidden_mask is not None,
        "a trace": request.trace,
    }
    features = " and ".join(name for name, there in given.items() if there)
    if features:
        return f"it supports the features of torch.nn, not {features}"
    if request.inputs.numel() == 0:
        return "it does not support empty batches"
    return None


@cache
def operator_of(cell: CellType) -> Callable[..., Any] | None:
    """The operator with the same equations, in the same order, which is that of the weights' blocks."""

    def equations(one: CellType) -> tuple[Any, ...]:
        data = to_data(one)
        return data["state"], list(data["lines"].items())

    return next((found for known, found in OPERATORS.items() if equations(known) == equations(cell)), None)


def _along(request: Request, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The output [T, B, H or P] and the final states; steps beyond a sequence's length are ignored."""
    operator, parameters = operator_of(request.cell), request.parameters
    assert operator is not None
    weights = [parameters[name] for name in WEIGHTS if name in parameters]
    states = [request.state[name].to(weights[0].dtype)[None] for name in request.cell.state]
    inputs = inputs.to(weights[0].dtype)
    training = torch.is_grad_enabled() or jit_tracing()  # otherwise cuDNN computes no gradient
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
    """The states as the operators take them: a single state is no list."""
    return states[0] if len(states) == 1 else states
