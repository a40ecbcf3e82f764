"""The kernels as operators of PyTorch, for compilation and export.

A ticket, as JSON, names the cell, so that an exported graph holds the equations and no code. Import
`gatewise.engine.operators` before `torch.export.load` loads such a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.cells.expressions import ELAPSED
from gatewise.compiler.heads import by_head
from gatewise.compiler.program import PROJECTION, Extras
from gatewise.engine.compiling import BuildError
from gatewise.engine.constants import for_kernels
from gatewise.engine.differentiable import (
    GradientRequest,
    by_kernel,
    by_reference,
    copied,
    in_lattice_form,
    result,
    unpadded,
)
from gatewise.engine.kernel import NUMBERS, Kernel, factor, kernel
from gatewise.engine.operator_gradient import Arguments, Gradients, gradient_of, keep_for_gradient
from gatewise.engine.recording import jit_tracing, transformed
from gatewise.engine.request import LayerResult, Request, Trace
from gatewise.engine.shapes import check_lengths
from gatewise.engine.tickets import read_ticket, write_ticket
from gatewise.errors import GatewiseError

INPUTS = (
    "Tensor inputs, Tensor[] parameters, Tensor[] state, Tensor? lengths, Tensor? resets, Tensor[] factors, "
    "str ticket, int[] reverse, bool trace, bool recompute"
)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def ticket(cell: CellType, names: tuple[str, ...], zoned: tuple[str, ...], masked: bool, number: str) -> str:
    """The description of a cell for an operator, as JSON; empty if there is no kernel."""
    extras = Extras(PROJECTION in names, zoned, masked)
    if number not in NUMBERS.values():
        return ""
    dtype = next(one for one, name in NUMBERS.items() if name == number)
    try:
        kernel(cell, extras, dtype)
    except BuildError:
        return ""
    return write_ticket(cell, extras, names)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _places(ticket: str, number: str) -> tuple[int, ...]:
    """The number of blocks of the first parameter, and the index of each saved line, -1 for a state."""
    dtype = next(one for one, name in NUMBERS.items() if name == number)
    chosen, _ = kernel_of(ticket, dtype)
    places = (chosen.kept.index(name) if name in chosen.kept else -1 for name in chosen.cell.intermediates)
    return (len(chosen.first.blocks), *places)


@cache
def kernel_of(ticket: str, dtype: torch.dtype) -> tuple[Kernel, tuple[str, ...]]:
    """The kernel of a ticket, and the names of the parameters in their order."""
    own = read_ticket(ticket)
    return kernel(own.cell, own.extras, dtype), own.names


def run_operator(request: Request) -> LayerResult | None:
    """Runs a request by the operator; None if it does not support the request."""
    if by_head(request.cell) is not None:
        return None
    request = for_kernels(request)
    cell, inputs = request.cell, request.inputs
    state = [request.state[name] for name in cell.previous]
    tensors = [inputs, *request.parameters.values(), *state]
    if any(one.device.type != "cpu" or one.dtype != inputs.dtype for one in tensors):
        return None
    if torch.is_autocast_enabled("cpu") or transformed(tensors):
        return None
    zoned = tuple(name for name in cell.state if name in request.zoneout)
    number = str(inputs.dtype).replace("torch.float32", "float").replace("torch.float64", "double")
    own = ticket(cell, tuple(request.parameters), zoned, request.hidden_mask is not None, number)
    if not own:
        return None
    masked, timed = request.hidden_mask is not None, cell.reads_elapsed
    factors = (*zoned, *(["mask"] if masked else []), *([ELAPSED] if timed else []))
    # A trace by TorchScript must not depend on the mode of its example.
    keep = torch.is_grad_enabled() and not jit_tracing() and any(one.requires_grad for one in tensors)
    results = torch.ops.gatewise.along(
        inputs, list(request.parameters.values()), state,
        request.lengths, request.resets, [factor(request, name) for name in factors], own,
        [int(back) for back in request.directions], request.trace, request.recompute and cell.axes == 1, keep,
    )  # fmt: skip
    return _result(request, own, number, results)


def _result(request: Request, ticket: str, number: str, results: Sequence[Tensor]) -> LayerResult:
    cell, sizes = request.cell, request.inputs.shape[: request.cell.axes]
    left = 1 + len(cell.previous)
    final = dict(zip(cell.previous, results[1:left], strict=True))
    trace = None
    if request.trace:
        blocks, *places = _places(ticket, number)
        units, intermediates = next(iter(request.parameters.values())).shape[0] // blocks, results[-1]
        history = {cell.state[0]: results[0]}
        for name, rows in zip(cell.state[1:], results[left + 1 :], strict=False):
            history[name] = in_lattice_form(unpadded(rows, units), sizes)
        gates = zip(cell.intermediates, places, strict=True)
        trace = Trace(
            history,
            {
                name: history[name]
                if name in history
                else in_lattice_form(intermediates[:, :, at, :units], sizes)
                for name, at in gates
            },
        )
    return LayerResult(results[0], final, trace)


def _request(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], lengths: Tensor | None,
    resets: Tensor | None, factors: Sequence[Tensor], ticket: str, reverse: Sequence[int], trace: bool,
    recompute: bool,
) -> tuple[Kernel, Request]:  # fmt: skip
    """An operator's arguments as a request, and its kernel."""
    chosen, names = kernel_of(ticket, inputs.dtype)
    given = dict(zip(chosen.plan.program.factors, factors, strict=True))
    request = Request(
        chosen.cell, inputs.contiguous(), dict(zip(names, parameters, strict=True)),
        dict(zip(chosen.cell.previous, state, strict=True)), lengths, resets, tuple(map(bool, reverse)),
        zoneout={name: one for name, one in given.items() if name not in ("mask", ELAPSED)},
        hidden_mask=given.get("mask"), trace=trace, recompute=recompute,
        elapsed=given[ELAPSED][:, :, 0] if ELAPSED in given else None,
    )  # fmt: skip
    sizes = inputs.shape[: chosen.cell.axes]
    if 0 in sizes:
        raise GatewiseError(f"expected input of at least one step, got shape {list(inputs.shape)}")
    if lengths is not None:
        check_lengths(lengths, sizes)
    return chosen, request


@torch.library.custom_op("gatewise::along", mutates_args=(), schema=f"({INPUTS}, bool keep) -> Tensor[]")
def along(inputs: Tensor, *rest: Any) -> list[Tensor]:
    """The output and final states of a cell; if kept or traced, also all states and saved lines."""
    *arguments, keep = rest
    chosen, request = _request(inputs, *arguments)
    call = chosen.prepare(request)
    chosen.forward([call], keep)
    found = result(chosen, call, kept=False, trace=False)
    final = list(found.final.values())
    if not keep and not request.trace:
        return [found.output, *final]
    output = copied(
        call.history[0], call.signature.widths[0], (*call.signature.sizes, inputs.shape[-2])
    )  # may be modified in place
    intermediates = call.intermediates if request.trace or not request.recompute else None
    return [output, *final, *call.history, *([] if intermediates is None else [intermediates])]


@along.register_fake
def _along_fake(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], *rest: Any
) -> list[Tensor]:
    ticket, trace, recompute, keep = rest[3], rest[5], rest[6], rest[7]
    chosen, names = kernel_of(ticket, inputs.dtype)
    places = inputs.shape[:-1]
    given = dict(zip(names, parameters, strict=True))
    units = chosen.units(given)
    widths, rows = chosen.widths(units, given), prod(places[:-1])
    shared = [inputs.new_empty(*places, widths[0]), *(one.new_empty(one.shape) for one in state)]
    if not keep and not trace:
        return shared
    history = [inputs.new_empty(rows, places[-1], chosen.padded(width)) for width in widths]
    intermediates = [inputs.new_empty(rows, places[-1], len(chosen.kept), chosen.padded(units))]
    return [*shared, *history, *(intermediates if chosen.kept and (trace or not recompute) else [])]


@torch.library.custom_op(
    "gatewise::along_backward", mutates_args=(),
    schema="(Tensor?[] gradients, int[] wanted, Tensor[] history, Tensor? intermediates, "
    f"{INPUTS}) -> Tensor[]",
)  # fmt: skip
def along_backward(
    gradients: Sequence[Tensor | None], wanted: Sequence[int], history: Sequence[Tensor],
    intermediates: Tensor | None, *arguments: Any,
) -> list[Tensor]:  # fmt: skip
    """The requested gradients with respect to inputs, parameters and states.

    history, intermediates: the values that `along` saved; empty if they must be recomputed
    """
    chosen, request = _request(*arguments)
    call = chosen.prepare(request)
    if history:
        call = replace(
            call, history=list(history), final=[None] * len(call.initial), intermediates=intermediates
        )
    else:
        chosen.forward([call], keep=True)
    states, left = len(chosen.cell.state), 1 + len(call.initial)
    by_history, by_intermediates = [gradients[0], *([None] * (states - 1))], None
    if request.trace:
        by_history = [gradients[0], *gradients[left + 1 : left + states]]
        given = gradients[left + states] if intermediates is not None else None
        by_intermediates = None if given is None else given.contiguous()
    (found,) = by_kernel(
        chosen,
        [GradientRequest(call, by_history, gradients[1:left], by_intermediates, list(map(bool, wanted)))],
    )
    return [one.contiguous() for one in found if one is not None]


@along_backward.register_fake
def _along_backward_fake(
    gradients: Sequence[Tensor | None], wanted: Sequence[int], history: Sequence[Tensor],
    intermediates: Tensor | None, inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor],
    *rest: Any,
) -> list[Tensor]:  # fmt: skip
    tensors = [inputs, *parameters, *state]
    return [one.new_empty(one.shape) for one, want in zip(tensors, wanted, strict=True) if want]


def _by_operator(
    arguments: Arguments, gradients: Gradients, kept: list[Tensor], wanted: list[int]
) -> Sequence[Tensor]:
    count = len(kernel_of(arguments[6], arguments[0].dtype)[0].cell.state)
    intermediates = kept.pop() if len(kept) > count else None
    found: list[Tensor] = torch.ops.gatewise.along_backward(
        list(gradients), wanted, kept, intermediates, *arguments
    )
    return found


def _by_reference(arguments: tuple[Any, ...], gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The gradient by differentiable operations."""
    chosen, request = _request(*arguments)
    states, left = request.cell.state, 1 + len(request.state)
    own, units, sizes = list(gradients[:left]), chosen.units(request.parameters), request.inputs.shape[:-2]

    def part(by: Tensor | None, *place: Any) -> Tensor | None:
        return None if by is None else in_lattice_form(by[place], sizes)

    if request.trace:
        own += [part(by, ..., slice(units)) for by in gradients[left + 1 : left + len(states)]]
        names = [name for name in request.cell.intermediates if name not in states]
        own += [
            part(gradients[-1], slice(None), slice(None), chosen.kept.index(name), slice(units))
            for name in names
        ]
    return by_reference(chosen, request, own)


along.register_autograd(gradient_of(_by_operator, _by_reference), setup_context=keep_for_gradient)
