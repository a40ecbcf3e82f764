"""The native backend: a cell's equations compiled to one fused kernel, forward and backward, on the CPU."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from operator import attrgetter

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.heads import by_head
from gatewise.compiler.program import PLAIN, PROJECTION, Extras
from gatewise.engine.compiling import BuildError
from gatewise.engine.constants import for_kernels, kernel_cell
from gatewise.engine.differentiable import Along, result, unflat
from gatewise.engine.kernel import NUMBERS, Kernel, kernel
from gatewise.engine.recording import transformed
from gatewise.engine.request import LayerResult, Request, Trace
from gatewise.engine.thread_plan import fit_in_parallel

log = logging.getLogger("gatewise")
ORDINARY = {Tensor, torch.nn.Parameter}
IS_CPU, DTYPE = attrgetter("is_cpu"), attrgetter("dtype")


class Native:
    """Runs every cell, with lengths, resets, zoneout, masks, projection and traces, on the CPU.

    With int8 weights, products are those of `engine/int8.py`, in inference.
    Under autocast to bfloat16 both factors of every product are rounded to bfloat16, and everything else is
    float32. The results have the dtype of the states; second gradients are those of float32 products.
    """

    name = "native"

    def refusal(self, request: Request) -> str | None:
        function = by_head(request.cell)
        if function is not None:
            return f"it supports no function between the units of a head, such as {function}"
        return _mode(request) or _build(kernel_cell(request), extras(request), factors(request))

    def run(self, request: Request) -> LayerResult:
        return self.run_together([request])[0]

    def run_together(self, requests: Sequence[Request]) -> list[LayerResult]:
        """Runs requests in parallel if they have the same kernel and threads can be divided evenly."""
        requests = [in_kernel_form(one) for one in requests]
        found: list[LayerResult] = []
        for group in _groups(requests):
            rounded = factors(group[0])
            chosen = kernel(group[0].cell, extras(group[0]), rounded)
            if rounded is torch.bfloat16:
                results = _along(chosen, [_in_float32(request) for request in group])
                found += [as_the_states(*pair) for pair in zip(group, results, strict=True)]
            else:
                found += _along(chosen, group)
        return found


def in_kernel_form(request: Request) -> Request:
    """The request in the form of its kernel, which may need whole matrices in place of those of heads."""
    if request.heads == 1:
        return for_kernels(request)
    own = kernel(kernel_cell(request), extras(request), factors(request))
    return for_kernels(request, own.has_room_for_heads(request))


def _groups(requests: Sequence[Request]) -> list[Sequence[Request]]:
    """The groups of requests that run in parallel."""
    if not fit_in_parallel(len(requests)):
        return [[one] for one in requests]
    kinds = {(one.cell, extras(one), one.inputs.dtype, one.is_int8, one.trace) for one in requests}
    return [requests] if len(kinds) == 1 else [[one] for one in requests]


def _along(chosen: Kernel, requests: Sequence[Request]) -> list[LayerResult]:
    """The results of requests in parallel, by a kernel of their dtype."""
    tensors = [one for request in requests for one in _tensors(request)] if torch.is_grad_enabled() else []
    differentiable = any(one.requires_grad for one in tensors)
    if differentiable and not chosen.is_int8:  # which `prepare` refuses
        outputs = Along.apply(chosen, requests, *tensors)  # type: ignore[no-untyped-call]
        each = len(outputs) // len(requests)
        return [
            unflat(chosen, request, outputs[number * each : (number + 1) * each])
            for number, request in enumerate(requests)
        ]
    calls = [chosen.prepare(request) for request in requests]
    chosen.forward(calls, keep=False)
    return [result(chosen, call, False, call.signature.request.trace) for call in calls]


def _tensors(request: Request) -> list[Tensor]:
    states = [request.state[name] for name in request.cell.previous]
    return [request.inputs, *request.parameters.values(), *states]


def extras(request: Request) -> Extras:
    """The additions of a request to its cell's equations."""
    if not request.zoneout and request.hidden_mask is None and PROJECTION not in request.parameters:
        return PLAIN
    zoned = tuple(name for name in request.cell.state if name in request.zoneout)
    return Extras(PROJECTION in request.parameters, zoned, request.hidden_mask is not None)


def factors(request: Request) -> torch.dtype:
    """The dtype of the factors of products."""
    if request.is_int8:
        return torch.int8
    return torch.bfloat16 if torch.is_autocast_enabled("cpu") else request.inputs.dtype


def _in_float32(request: Request) -> Request:
    state = {name: one.float() for name, one in request.state.items()}
    return replace(request, inputs=request.inputs.float(), state=state)


def as_the_states(request: Request, result: LayerResult) -> LayerResult:
    """A result in the dtype of the initial states."""
    dtype = next(iter(request.state.values())).dtype

    def rounded(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: one.to(dtype) for name, one in values.items()}

    trace = None
    if result.trace is not None:
        trace = Trace(rounded(result.trace.states), rounded(result.trace.gates))
    return LayerResult(result.output.to(dtype), rounded(result.final), trace)


def _mode(request: Request) -> str | None:
    """The mode or tensor that a kernel doesn't support, or None."""
    tensors = [request.inputs, *request.state.values(), *request.parameters.values()]
    every = tensors + _conditions(request)
    ordinary = ORDINARY.issuperset(map(type, every)) and all(map(IS_CPU, every))
    if not ordinary or any(map(Tensor.is_neg, every)):
        return "it supports plain tensors on the CPU only"
    if transformed(every):
        return "it supports reverse-mode gradients only, and no vmap"
    if 0 in request.inputs.shape[:-1]:
        return "the batch is empty"
    # What else is wrong with int8 weights is an error, also on the reference.
    return None if request.is_int8 else _dtypes(request, set(map(DTYPE, tensors)))


def _conditions(request: Request) -> list[Tensor]:
    """The tensors of a request without a gradient."""
    given = [request.lengths, request.resets, request.elapsed, request.hidden_mask]
    if request.zoneout:
        given += [one for one in request.zoneout.values() if isinstance(one, Tensor)]
    return [one for one in given if one is not None]


def _dtypes(request: Request, found: set[torch.dtype]) -> str | None:
    """The dtypes that a kernel doesn't support, or None."""
    if not torch.is_autocast_enabled("cpu"):
        alike = len(found) == 1 and found <= NUMBERS.keys()
        return None if alike else "it supports float32 or float64, the same for all tensors"
    if torch.get_autocast_dtype("cpu") != torch.bfloat16:
        return "it supports autocast to bfloat16 only"
    exact = all(one.dtype == torch.float32 for one in request.parameters.values())
    if not exact or not found <= {torch.float32, torch.bfloat16}:
        return "under autocast it supports float32 weights, and values in float32 or bfloat16"
    return None


@cache
def _build(cell: CellType, extras: Extras, factors: torch.dtype) -> str | None:
    """Compiles a cell if needed. Returns: the reason why it can't be compiled, also logged once, or None."""
    try:
        kernel(cell, extras, factors)
    except BuildError as error:
        log.warning("%s runs on the reference engine, slowly: %s", cell.__name__, error)
        return str(error)
    return None
