"""The native backend: a cell's equations compiled to one fused kernel, forward and backward, on the CPU."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.autograd import forward_ad

from gatewise.cells.base import CellType
from gatewise.compiler.stages import obstacle
from gatewise.engine.build import BuildError
from gatewise.engine.differentiable import Along
from gatewise.engine.kernel import SUFFIXES, kernel, too_large
from gatewise.engine.request import Request, Result, Trace
from gatewise.engine.sequences import backwards, resets_backwards, within

log = logging.getLogger("gatewise")
PLAIN = (Tensor, torch.nn.Parameter)


class Native:
    """Serves cells whose products all act on the input or the last states."""

    name = "native"

    def refusal(self, request: Request) -> str | None:
        cell = request.cell
        return _mode(request) or _extras(request) or obstacle(cell) or too_large(cell) or _build(cell)

    def run(self, request: Request) -> Result:
        inputs, resets, lengths, state = request.inputs, request.resets, request.lengths, request.state
        inside = order = None
        if lengths is not None:
            order = lengths.argsort(descending=True, stable=True)  # so that the rows that go on come first
            lengths = lengths[order]
            inside = within(lengths, len(inputs))
            inputs = inputs[:, order].masked_fill(~inside[:, :, None], 0.0)
            state = {name: value[order] for name, value in state.items()}
            resets = None if resets is None else resets[:, order] & inside
        if request.reverse:
            inputs = backwards(inputs, lengths)
            resets = None if resets is None else resets_backwards(resets, lengths)
        history = _history(request, inputs, state, inside, resets)
        cell = request.cell
        final = {name: _final(history[name], lengths, state[name]) for name in cell.state}
        shown = [*cell.state, *cell.inner] if request.trace else cell.state[:1]
        every = {name: history[name] for name in shown}
        if request.reverse:
            every = {name: backwards(values, lengths) for name, values in every.items()}
        if order is not None:
            back = order.argsort()
            every = {name: values[:, back] for name, values in every.items()}
            final = {name: values[back] for name, values in final.items()}
        trace = None
        if request.trace:
            trace = Trace(
                {name: every[name] for name in cell.state}, {name: every[name] for name in cell.inner}
            )
        return Result(every[cell.state[0]], final, trace)


def _mode(request: Request) -> str | None:
    """What of PyTorch's modes and tensors a kernel can't serve."""
    tensors = (request.inputs, *request.parameters.values(), *request.state.values())
    dtype = request.inputs.dtype
    if any(type(one) not in PLAIN or one.device.type != "cpu" for one in tensors):
        return "it runs plain tensors on the CPU"
    if dtype not in SUFFIXES or any(one.dtype != dtype for one in tensors):
        return "it runs float32 or float64, all tensors alike"
    if torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return "it runs eagerly and without autocast"
    if torch._C._functorch.maybe_get_level(request.inputs) != -1 or forward_ad._current_level >= 0:
        return "it has reverse-mode gradients only, and no vmap"
    return None


def _extras(request: Request) -> str | None:
    if request.zoneout or request.hidden_mask is not None or "projection" in request.parameters:
        return "it has no zoneout, variational dropout or projection yet"
    if request.trace and torch.is_grad_enabled():
        return "it traces without gradients, under torch.no_grad()"
    if request.inputs.numel() == 0:
        return "the batch is empty"
    return None


@cache
def _build(cell: CellType) -> str | None:
    """Compiles a cell where that was not done; the reason where it can't be, told once."""
    try:
        kernel(cell)
    except BuildError as error:
        log.warning("%s runs on the reference engine, slowly: %s", cell.__name__, error)
        return str(error)
    return None


def _history(
    request: Request,
    inputs: Tensor,
    state: Mapping[str, Tensor],
    inside: Tensor | None,
    resets: Tensor | None,
) -> dict[str | int, Tensor]:
    """Every state at every step, and what was saved, [T, B, H]; zero beyond a row's end."""
    chosen, parameters = kernel(request.cell), request.parameters
    names: list[str | int] = [*request.cell.state, *chosen.saved]
    values = Along.apply(  # type: ignore[no-untyped-call]
        chosen,
        request.trace or torch.is_grad_enabled(),
        None if inside is None else inside.sum(1, dtype=torch.int32),
        None if resets is None else resets.contiguous().view(torch.uint8),
        inputs.contiguous(),
        chosen.bias(parameters, inputs),
        chosen.weights_of_units(parameters, inputs),
        *(parameters[name].contiguous() for name in chosen.matrices),
        *(chosen.filled_up(state[name]) for name in request.cell.state),
    )
    units = chosen.units(parameters)
    return {name: one[..., :units] for name, one in zip(names, values, strict=False)}


def _final(values: Tensor, lengths: Tensor | None, initial: Tensor) -> Tensor:
    """Each row's value after its last step; the initial one where it has none."""
    if lengths is None:
        return values[-1]
    last = values[(lengths - 1).clamp(min=0), torch.arange(len(lengths))]
    return torch.where((lengths > 0)[:, None], last, initial)
