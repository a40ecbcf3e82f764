"""The loop over the steps as an operator of PyTorch, differentiable, for eager calls and compiled graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.expressions import ELAPSED
from gatewise.compiler.gradient import kept
from gatewise.compiler.layout import layout
from gatewise.compiler.program import PROJECTION
from gatewise.compiler.stages import StagePlan, plan
from gatewise.engine.operator_gradient import (
    by_autograd,
    by_backward,
    gradient_of,
    keep_for_gradient,
    requested_gradients,
)
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.tickets import Ticket, read_ticket
from gatewise.engine.triton.buffers import History, Inputs
from gatewise.engine.triton.choice import choose
from gatewise.engine.triton.costs import Call
from gatewise.engine.triton.loop import Loop
from gatewise.engine.triton.weights import Precision, Sizes, rounds_to_tf32

INPUTS = (
    "Tensor inputs, Tensor[] parameters, Tensor[] state, Tensor? lengths, Tensor? resets, Tensor[] factors, "
    "str ticket, int heads, bool bfloat16, bool trace, bool recompute"
)


@cache
def plan_of(ticket: str) -> tuple[Ticket, StagePlan]:
    """The cell of a ticket, and its stages."""
    own = read_ticket(ticket)
    return own, plan(own.cell, own.extras)


def units_of(own: Ticket, parameters: Mapping[str, Tensor]) -> int:
    """The hidden units of a call."""
    sizing = layout(own.cell).sizing
    return parameters[sizing.name].shape[0] // len(sizing.blocks)


def sizes_of(own: Ticket, inputs: Tensor, parameters: Sequence[Tensor], heads: int) -> Sizes:
    """The sizes of a call."""
    named = dict(zip(own.names, parameters, strict=True))
    units = units_of(own, named)
    output = named[PROJECTION].shape[0] if own.extras.projected else units
    widths = (output, *[units] * (len(own.cell.state) - 1))
    return Sizes(inputs.shape[0], inputs.shape[1], units, widths, heads)


def _loop(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], lengths: Tensor | None,
    resets: Tensor | None, factors: Sequence[Tensor], ticket: str, heads: int, bfloat16: bool, *_: bool,
    saves: bool, backward: bool,
) -> Loop:  # fmt: skip
    """The loop of the schedule that is chosen for a call."""
    own, stages = plan_of(ticket)
    sizes = sizes_of(own, inputs, parameters, heads)
    given = Inputs(inputs, state, lengths, resets, factors)
    named = dict(zip(own.names, parameters, strict=True))
    precision: Precision = "bfloat16" if bfloat16 else "tf32" if rounds_to_tf32() else "float32"
    schedule = choose(Call(stages, sizes, precision, saves, backward))
    return schedule.loop(stages, given, named, sizes, precision)


@contextmanager
def on_device(inputs: Tensor) -> Iterator[None]:
    """On the device of the inputs, and without autocast, as the dtype of products is an argument."""
    with torch.cuda.device_of(inputs), torch.autocast(inputs.device.type, enabled=False):
        yield


@torch.library.custom_op("gatewise::steps", mutates_args=(), schema=f"({INPUTS}, bool keep) -> Tensor[]")
def steps(inputs: Tensor, *rest: Any) -> list[Tensor]:
    """The output and final states of a cell; if kept or traced, also the history."""
    *arguments, keep = rest
    trace, recompute = arguments[-2:]
    all_steps = trace or (keep and not recompute)
    with on_device(inputs):
        loop = _loop(inputs, *arguments, saves=all_steps, backward=False)
        history = loop.forward(all_steps)
    widths, states = loop.sizes.widths, history.states
    output = states[1:, 0, :, : widths[0]].clone(memory_format=torch.contiguous_format)
    final = [states[-1, k, :, : widths[k]].contiguous().clone() for k in loop.states_of_previous]
    if not keep and not trace:
        return [output, *final]
    return [output, *final, states, *([history.kept] if all_steps else [])]


@steps.register_fake
def _steps_fake(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], *rest: Any
) -> list[Tensor]:
    ticket, heads, trace, recompute, keep = rest[3], rest[4], rest[6], rest[7], rest[8]
    own, stages = plan_of(ticket)
    sizes = sizes_of(own, inputs, parameters, heads)
    time, batch = inputs.shape[:2]
    found = [inputs.new_empty(time, batch, sizes.widths[0]), *(one.new_empty(one.shape) for one in state)]
    if not keep and not trace:
        return found
    found.append(inputs.new_empty(time + 1, len(stages.program.states), batch, sizes.stride))
    if trace or not recompute:
        found.append(inputs.new_empty(time, max(1, len(kept(stages))), batch, sizes.stride))
    return found


@torch.library.custom_op(
    "gatewise::steps_backward", mutates_args=(),
    schema=f"(Tensor?[] gradients, int[] wanted, Tensor[] history, {INPUTS}) -> Tensor[]",
)  # fmt: skip
def steps_backward(
    gradients: Sequence[Tensor | None], wanted: Sequence[int], history: Sequence[Tensor], inputs: Tensor,
    *arguments: Any,
) -> list[Tensor]:  # fmt: skip
    """The requested gradients with respect to inputs, parameters and states.

    history: what `steps` returned after the final states
    """
    with on_device(inputs):
        if len(history) == 2:
            saved = History(*history)
        else:
            saved = _loop(inputs, *arguments, saves=True, backward=False).forward(keep=True)
        loop = _loop(inputs, *arguments, saves=True, backward=True)
        found = _backward(gradients, saved, loop, arguments[-2], bool(wanted[0]))
    return [one.contiguous() for one, want in zip(found, wanted, strict=True) if want]


def _backward(
    gradients: Sequence[Tensor | None], saved: History, loop: Loop, trace: bool, of_inputs: bool
) -> list[Tensor]:
    """The gradients with respect to inputs, which are zero unless `of_inputs`, parameters and states."""
    states, left = saved.states, 1 + len(loop.states_of_previous)
    by_output = gradients[0]
    by_states = torch.zeros_like(states[1:] if trace else states[1:, :1])
    if trace and (by_history := gradients[left]) is not None:
        by_states += by_history[1:]
    if by_output is not None:
        by_states[:, 0, :, : by_output.shape[-1]] += by_output
    by_kept = None
    if trace:
        count = len(loop.plan.intermediates)
        by = gradients[left + 1]
        by_kept = torch.zeros_like(saved.kept[:, :count]) if by is None else by[:, :count].contiguous()
    found = loop.backward(saved, by_states, by_kept, gradients[1:left], of_inputs)
    return [found.inputs, *found.parameters.values(), *found.initial]


steps_backward.register_fake(requested_gradients)


def _by_reference(arguments: tuple[Any, ...], gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The gradient by differentiable operations, in float32."""
    inputs, weights, state, lengths, resets, factors, ticket, heads, _, trace, _ = arguments
    own, stages = plan_of(ticket)
    given = dict(zip(stages.program.factors, factors, strict=True))
    request = Request(
        own.cell, inputs, dict(zip(own.names, weights, strict=True)),
        dict(zip(own.cell.previous, state, strict=True)), lengths, resets,
        zoneout={name: one for name, one in given.items() if name not in ("mask", ELAPSED)},
        hidden_mask=given.get("mask"), trace=trace, heads=heads,
        elapsed=given[ELAPSED][:, :, 0] if ELAPSED in given else None,
    )  # fmt: skip
    tensors = [inputs, *weights, *state]
    with torch.enable_grad():
        result = Reference().run(request)
    left = 1 + len(state)
    pairs = list(zip([result.output, *result.final.values()], gradients[:left], strict=True))
    if trace:
        pairs += _traced(result, stages, gradients[left:])
    return by_autograd(tensors, pairs)


def _traced(
    result: LayerResult, stages: StagePlan, gradients: Sequence[Tensor | None]
) -> list[tuple[Tensor, Tensor | None]]:
    """The tensors of a trace, each with the part of the history's gradient that is its own."""
    trace = result.trace
    assert trace is not None
    by_states, by_kept = gradients
    found: list[tuple[Tensor, Tensor | None]] = []
    for place, name in enumerate(stages.cell.state):
        one = trace.states[name]
        if place and by_states is not None:
            found.append((one, by_states[1:, place, :, : one.shape[-1]]))
    for name, one in trace.gates.items():
        if name in stages.intermediates and by_kept is not None:
            found.append((one, by_kept[:, stages.intermediates.index(name), :, : one.shape[-1]]))
    return found


steps.register_autograd(
    gradient_of(by_backward(steps_backward), _by_reference), setup_context=keep_for_gradient
)


def run_steps(request: Request, ticket: str, factors: Sequence[Tensor], bfloat16: bool) -> list[Tensor]:
    """Runs a request, whose steps run from the first to the last. Returns: output, final states, history"""
    state = [request.state[name] for name in request.cell.previous]
    tensors = [request.inputs, *request.parameters.values(), *state]
    keep = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
    found: list[Tensor] = torch.ops.gatewise.steps(
        request.inputs, list(request.parameters.values()), state, request.lengths, request.resets,
        list(factors), ticket, request.heads, bfloat16, request.trace, request.recompute, keep,
    )  # fmt: skip
    return found
