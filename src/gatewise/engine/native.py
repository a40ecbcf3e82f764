"""The native backend: a cell's equations compiled to one fused kernel, forward and backward, on the CPU."""

from __future__ import annotations

import logging
from functools import cache

import torch
from torch import Tensor
from torch.autograd import forward_ad

from gatewise.cells.base import CellType
from gatewise.compiler.program import PLAIN, PROJECTION, Extras
from gatewise.engine.build import BuildError
from gatewise.engine.differentiable import Along, result, unflat
from gatewise.engine.kernel import NUMBERS, kernel
from gatewise.engine.request import Request, Result

log = logging.getLogger("gatewise")
ORDINARY = (Tensor, torch.nn.Parameter)


class Native:
    """Serves every cell, with lengths, resets, zoneout, masks, projection and traces, on the CPU."""

    name = "native"

    def refusal(self, request: Request) -> str | None:
        return _mode(request) or _build(request.cell, extras(request), request.inputs.dtype)

    def run(self, request: Request) -> Result:
        chosen = kernel(request.cell, extras(request), request.inputs.dtype)
        states = [request.state[name] for name in request.cell.state]
        tensors = (request.inputs, *request.parameters.values(), *states)
        if torch.is_grad_enabled() and any(one.requires_grad for one in tensors):
            outputs = Along.apply(chosen, request, *tensors)  # type: ignore[no-untyped-call]
            return unflat(chosen, request, outputs)
        run = chosen.prepared(request)
        chosen.forward(run, keep=False)
        return result(chosen, run)


def extras(request: Request) -> Extras:
    """What a request adds to its cell's equations."""
    if not request.zoneout and request.hidden_mask is None and PROJECTION not in request.parameters:
        return PLAIN
    zoned = tuple(name for name in request.cell.state if name in request.zoneout)
    return Extras(PROJECTION in request.parameters, zoned, request.hidden_mask is not None)


def _mode(request: Request) -> str | None:
    """What of PyTorch's modes and tensors a kernel can't serve."""
    tensors = (request.inputs, *request.parameters.values(), *request.state.values())
    dtype = request.inputs.dtype
    for one in tensors:
        if type(one) not in ORDINARY or not one.is_cpu:
            return "it runs plain tensors on the CPU"
        if one.dtype != dtype or dtype not in NUMBERS:
            return "it runs float32 or float64, all tensors alike"
        if torch._C._functorch.maybe_get_level(one) != -1:
            return "it has reverse-mode gradients only, and no vmap"
    if torch.is_autocast_enabled("cpu"):
        return "it runs without autocast"
    if forward_ad._current_level >= 0:
        return "it has reverse-mode gradients only, and no vmap"
    if request.inputs.numel() == 0:
        return "the batch is empty"
    return None


@cache
def _build(cell: CellType, extras: Extras, dtype: torch.dtype) -> str | None:
    """Compiles a cell where that was not done; the reason where it can't be, told once."""
    try:
        kernel(cell, extras, dtype)
    except BuildError as error:
        log.warning("%s runs on the reference engine, slowly: %s", cell.__name__, error)
        return str(error)
    return None
