"""The loop over diagonals as an operator of PyTorch, differentiable, for eager calls and compiled graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.compiler.gradient import kept
from gatewise.compiler.stages import StagePlan
from gatewise.engine.diagonals import final_along, initial_along, inside, mirrored
from gatewise.engine.operator_gradient import (
    Arguments,
    Gradients,
    by_autograd,
    by_backward,
    gradient_of,
    keep_for_gradient,
    requested_gradients,
)
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request, Trace
from gatewise.engine.triton.buffers import History
from gatewise.engine.triton.lattice import LatticeInputs, LatticeLoop
from gatewise.engine.triton.operator import on_device, plan_of, units_of

# As those of sequences, which have resets and factors, for `operator_gradient`.
INPUTS = (
    "Tensor inputs, Tensor[] parameters, Tensor[] state, Tensor? lengths, Tensor? resets, Tensor[] factors, "
    "str ticket, bool bfloat16, bool trace"
)


def _loop(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], lengths: Tensor | None,
    resets: Tensor | None, factors: Sequence[Tensor], ticket: str, bfloat16: bool, *_: bool,
) -> LatticeLoop:  # fmt: skip
    own, stages = plan_of(ticket)
    named = dict(zip(own.names, parameters, strict=True))
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    return LatticeLoop(stages, LatticeInputs(inputs, state, lengths), named, units_of(own, named), dtype)


def _request(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], lengths: Tensor | None,
    resets: Tensor | None, factors: Sequence[Tensor], ticket: str, bfloat16: bool, trace: bool,
) -> Request:  # fmt: skip
    """The request of a call, whose scan begins at the first position along every axis."""
    own, _ = plan_of(ticket)
    named = dict(zip(own.names, parameters, strict=True))
    states = dict(zip(own.cell.previous, state, strict=True))
    return Request(own.cell, inputs, named, states, lengths, trace=trace)


@torch.library.custom_op("gatewise::diagonals", mutates_args=(), schema=f"({INPUTS}, bool keep) -> Tensor[]")
def diagonals(inputs: Tensor, *rest: Any) -> list[Tensor]:
    """The output and final states of a cell over a lattice; if kept or traced, also the history."""
    *arguments, keep = rest
    all_positions = keep or arguments[-1]
    with on_device(inputs):
        loop = _loop(inputs, *arguments)
        history = loop.forward(all_positions)
    whole = history.states[:, : loop.positions].unflatten(1, inputs.shape[:-1])
    request = _request(inputs, *arguments)
    final = [_final(whole[state], request, axis) for state, axis in loop.previous]
    found = [whole[0].clone(), *final]
    return [*found, history.states, history.kept] if all_positions else found


def _final(values: Tensor, request: Request, axis: int) -> Tensor:
    return final_along(values, request, axis).clone(memory_format=torch.contiguous_format)


@diagonals.register_fake
def _diagonals_fake(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], *rest: Any
) -> list[Tensor]:
    ticket, trace, keep = rest[3], rest[5], rest[6]
    cell, stages = plan_of(ticket)[0].cell, plan_of(ticket)[1]
    units, positions = state[0].shape[-1], 1
    for size in inputs.shape[:-1]:
        positions = positions * size
    found = [inputs.new_empty(*inputs.shape[:-1], units), *(one.new_empty(one.shape) for one in state)]
    if not keep and not trace:
        return found
    rows = positions + sum(positions // size for size in inputs.shape[:-2])
    found.append(inputs.new_empty(len(cell.state), rows, units))
    found.append(inputs.new_empty(max(1, len(kept(stages))), positions, units))
    return found


@torch.library.custom_op(
    "gatewise::diagonals_backward", mutates_args=(),
    schema=f"(Tensor?[] gradients, int[] wanted, Tensor[] history, {INPUTS}) -> Tensor[]",
)  # fmt: skip
def diagonals_backward(
    gradients: Sequence[Tensor | None], wanted: Sequence[int], history: Sequence[Tensor], inputs: Tensor,
    *arguments: Any,
) -> list[Tensor]:  # fmt: skip
    """The requested gradients with respect to inputs, parameters and states.

    history: what `diagonals` returned after the final states
    """
    with on_device(inputs):
        loop, saved = _loop(inputs, *arguments), History(*history)
        by_states, by_kept = _gathered(gradients, loop, arguments[-1])
        by = loop.backward(saved, by_states, by_kept, bool(wanted[0]))
    found = [by.inputs, *by.parameters.values(), *by.initial]
    return [one.contiguous() for one, want in zip(found, wanted, strict=True) if want]


def _gathered(
    gradients: Sequence[Tensor | None], loop: LatticeLoop, trace: bool
) -> tuple[Tensor, Tensor | None]:
    """The gradients with respect to the states of all positions, and to the lines of a trace."""
    plan, positions, left = loop.plan, loop.positions, 1 + len(loop.previous)
    inputs, lengths = loop.given.inputs, loop.given.lengths
    by_states = inputs.new_zeros(len(plan.cell.state), positions, loop.units)
    by_kept = None
    if trace:
        by_history, by_lines = gradients[left : left + 2]
        if by_history is not None:
            by_states += by_history[:, :positions]
        count = len(plan.intermediates)
        by_kept = inputs.new_zeros(count, positions, loop.units) if by_lines is None else by_lines[:count]
        by_kept = by_kept.contiguous()
    whole = by_states.unflatten(1, inputs.shape[:-1])
    if gradients[0] is not None:
        whole[0] += gradients[0]
    for (state, axis), by in zip(loop.previous, gradients[1:left], strict=True):
        if by is None:
            continue
        if lengths is None:
            whole[state].select(axis, -1).add_(by)
            continue
        by = by.unsqueeze(axis)
        last = (lengths[:, axis] - 1)[:, None].expand_as(by)
        whole[state].scatter_(axis, last, whole[state].gather(axis, last) + by)
    return by_states, by_kept


diagonals_backward.register_fake(requested_gradients)


def _by_reference(arguments: Arguments, gradients: Gradients) -> list[Tensor | None]:
    """The gradient by differentiable operations, in float32."""
    request = _request(*arguments)
    with torch.enable_grad():
        result = Reference().run(request)
    left = 1 + len(request.state)
    pairs = list(zip([result.output, *result.final.values()], gradients[:left], strict=True))
    if result.trace is not None:
        pairs += _traced(result.trace, plan_of(arguments[6])[1], gradients[left:])
    return by_autograd([request.inputs, *request.parameters.values(), *request.state.values()], pairs)


def _traced(trace: Trace, stages: StagePlan, gradients: Gradients) -> list[tuple[Tensor, Tensor | None]]:
    """The tensors of a trace, each with the part of the history's gradient that is its own."""
    by_states, by_kept = gradients
    found: list[tuple[Tensor, Tensor | None]] = []
    for place, name in enumerate(stages.cell.state):
        one = trace.states[name]
        if by_states is not None:
            found.append((one, by_states[place, : one[..., 0].numel()].reshape(one.shape)))
    for name, one in trace.gates.items():
        if name in stages.intermediates and by_kept is not None:
            found.append((one, by_kept[stages.intermediates.index(name)].reshape(one.shape)))
    return found


diagonals.register_autograd(
    gradient_of(by_backward(diagonals_backward), _by_reference), setup_context=keep_for_gradient
)


def run_lattice(request: Request, ticket: str, intermediates: Sequence[str], bfloat16: bool) -> LayerResult:
    """Runs a request of a cell with several axes. intermediates: the lines that the operator saves"""
    cell, lengths, axes = request.cell, request.lengths, range(request.cell.axes)
    inputs = request.inputs
    if lengths is not None:
        inputs = inputs.masked_fill(~inside(tuple(inputs.shape[: cell.axes]), lengths), 0.0)
    inputs = mirrored(inputs, request, axes)
    state = [initial_along(request, name) for name in cell.previous]
    tensors = [inputs, *request.parameters.values(), *state]
    keep = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
    output, *found = torch.ops.gatewise.diagonals(
        inputs, list(request.parameters.values()), state, lengths, None, [], ticket, bfloat16, request.trace,
        keep,
    )  # fmt: skip
    output = mirrored(output, request, axes)
    final = {}
    for (name, one), value in zip(cell.previous.items(), found[: len(state)], strict=True):
        final[name] = mirrored(value, request, [other for other in axes if other != one.axis - 1])
    trace = _trace(request, output, intermediates, *found[len(state) :]) if request.trace else None
    return LayerResult(output, final, trace)


def _trace(
    request: Request, output: Tensor, intermediates: Sequence[str], states: Tensor, kept: Tensor
) -> Trace:
    """The trace of a request, from the rows of all places and of all positions."""
    cell = request.cell
    sizes = request.inputs.shape[: cell.axes]
    rows = {name: states[place, : kept.shape[1]] for place, name in enumerate(cell.state) if place}
    gates = [name for name in cell.intermediates if name not in cell.state]
    rows |= {name: kept[intermediates.index(name)] for name in gates}
    found = {cell.state[0]: output}
    for name, one in rows.items():
        found[name] = mirrored(one.unflatten(0, (*sizes, -1)), request, range(cell.axes))
    return Trace(
        {name: found[name] for name in cell.state}, {name: found[name] for name in cell.intermediates}
    )
