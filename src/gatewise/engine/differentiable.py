"""A kernel as an operation that PyTorch can differentiate."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gatewise.engine import workspace
from gatewise.engine.kernel import Kernel, Run, many, pointer, rows
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request, Result, Trace


class Along(torch.autograd.Function):
    """A cell along sequences, by its kernel; the gradient by the kernel's own reverse.

    Takes the request's tensors: inputs, parameters, states. Returns what `flat` makes of the result.
    """

    @staticmethod
    def forward(ctx: Any, kernel: Kernel, request: Request, *tensors: Tensor) -> tuple[Tensor, ...]:
        run = kernel.prepared(request)
        kernel.forward(run, keep=True)
        own = [run.inputs, *run.parameters.values(), *run.initial, *run.history]
        ctx.save_for_backward(*tensors, *own, *([] if run.inner is None else [run.inner]))
        ctx.kernel, ctx.run, ctx.names = kernel, without_tensors(run), list(request.parameters)
        ctx.set_materialize_grads(False)
        return flat(kernel, request, result(kernel, run))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        kernel, run, names = ctx.kernel, ctx.run, ctx.names
        states, count = len(kernel.cell.state), 1 + len(names) + len(kernel.cell.state)
        tensors, own = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        if torch.is_grad_enabled():  # a gradient of the gradient is wanted: go by plain PyTorch
            return None, None, *_by_reference(kernel, run.request, names, tensors, gradients)
        run = replace(
            run, inputs=own[0], parameters=dict(zip(names, own[1:], strict=False)),
            initial=list(own[count - states : count]), history=list(own[count : count + states]),
            inner=own[-1] if len(own) > count + states else None,
        )  # fmt: skip
        by_final, traced = gradients[1 : 1 + states], gradients[1 + states :]
        by_history = [gradients[0], *(traced[: states - 1] or [None] * (states - 1))]
        by_inner = _gathered(kernel, run, traced[states - 1 :])
        wanted = ctx.needs_input_grad[2:]
        return None, None, *by_kernel(kernel, run, by_history, by_final, by_inner, wanted)


def result(kernel: Kernel, run: Run) -> Result:
    """What a run gives back, without what fills rows up to whole vectors."""
    states, widths = kernel.cell.state, [run.request.state[name].shape[1] for name in kernel.cell.state]
    history = {name: shown(one, width) for name, one, width in zip(states, run.history, widths, strict=True)}
    last = zip(states, run.final, widths, strict=True)
    final = {name: shown(one, width).contiguous() for name, one, width in last if one is not None}
    trace = None
    if run.request.trace:
        units, inner = kernel.units(run.parameters), run.inner
        gates = {name: history[name] for name in kernel.cell.inner if name in history}
        if inner is not None:
            places = {name: kernel.kept.index(name) for name in kernel.cell.inner if name not in history}
            gates |= {name: inner[:, :, place, :units] for name, place in places.items()}
        trace = Trace(history, {name: gates[name] for name in kernel.cell.inner})
    return Result(history[states[0]], final, trace)


def shown(rows: Tensor, width: int) -> Tensor:
    """Rows without what fills them up to whole vectors."""
    return rows if rows.shape[-1] == width else rows[..., :width]


def flat(kernel: Kernel, request: Request, result: Result) -> tuple[Tensor, ...]:
    """The tensors of a result, each once: output, last states; of a trace the other states and the gates."""
    trace: list[Tensor] = []
    if result.trace is not None:
        states, gates = result.trace.states, result.trace.gates
        trace = [states[name] for name in kernel.cell.state[1:]]
        trace += [one for name, one in gates.items() if name not in states]
    return (result.output, *result.final.values(), *trace)


def unflat(kernel: Kernel, request: Request, tensors: Sequence[Tensor]) -> Result:
    """The result whose tensors these are."""
    states = kernel.cell.state
    output, final, rest = tensors[0], tensors[1 : 1 + len(states)], iter(tensors[1 + len(states) :])
    trace = None
    if request.trace:
        history = {name: output if name == states[0] else next(rest) for name in states}
        trace = Trace(
            history, {name: history[name] if name in history else next(rest) for name in kernel.cell.inner}
        )
    return Result(output, dict(zip(states, final, strict=True)), trace)


def without_tensors(run: Run) -> Run:
    """A run without what autograd keeps for it, so that memory is free as soon as autograd lets go of it."""
    nothing = run.inputs[:0]
    bare = replace(run.request, inputs=nothing, parameters={}, state={})
    return replace(run, request=bare, inputs=nothing, parameters={}, initial=[], history=[], inner=None,
                   final=[None] * len(run.final))  # fmt: skip


def by_kernel(
    kernel: Kernel, run: Run, by_history: Sequence[Tensor | None], by_final: Sequence[Tensor | None],
    by_inner: Tensor | None, wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """The gradients by inputs, parameters and initial states, from those by all that a run gave."""
    states = kernel.cell.state
    by_history, by_final = (
        [None if one is None else kernel.filled_up(one) for one in given] for given in (by_history, by_final)
    )
    by_inputs = workspace.empty_like(run.inputs) if wanted[0] else None
    by_parameter = {
        name: workspace.empty(one.shape, kernel.dtype) if want else None
        for (name, one), want in zip(run.parameters.items(), wanted[1:], strict=False)
    }
    wanted_states = wanted[1 + len(by_parameter) :]
    by_initial = [
        workspace.empty_like(one) if want else None
        for one, want in zip(run.initial, wanted_states, strict=True)
    ]
    problem = kernel.problem(run)
    numbers = [
        *many(by_history), *many(by_final), *rows(by_inner), *rows(by_inputs), *many(by_initial),
        *kernel.addresses(by_parameter),
    ]  # fmt: skip
    sizes = kernel.sizes(problem)
    packed, scratch = kernel.packed_for(problem, run, sizes[0]), workspace.take(sizes[2])
    kernel.library.backward(
        problem, (ctypes.c_int64 * len(numbers))(*numbers), pointer(packed), pointer(scratch)
    )
    workspace.give_back(scratch)
    widths = [kernel.width(state, run.parameters) for state in states]
    by_state = [
        None if one is None else one[:, :width] for one, width in zip(by_initial, widths, strict=True)
    ]
    return [by_inputs, *by_parameter.values(), *by_state]


def _gathered(kernel: Kernel, run: Run, by_gates: Sequence[Tensor | None]) -> Tensor | None:
    """The gradients by the traced gates as one, [T, B, kept, H'], where there are any."""
    if run.inner is None or all(one is None for one in by_gates):
        return None
    gathered = torch.zeros_like(run.inner)
    names = (name for name in kernel.cell.inner if name not in kernel.cell.state)
    for name, one in zip(names, by_gates, strict=True):
        if one is not None:
            gathered[:, :, kernel.kept.index(name), : one.shape[-1]] = one
    return gathered


def _by_reference(
    kernel: Kernel, request: Request, names: Sequence[str], tensors: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:  # fmt: skip
    """The same gradient by PyTorch's own operations, which can be differentiated again."""
    parameters = dict(zip(names, tensors[1:], strict=False))
    state = dict(zip(kernel.cell.state, tensors[1 + len(names) :], strict=True))
    with torch.enable_grad():
        again = replace(request, inputs=tensors[0], parameters=parameters, state=state)
        outputs = flat(kernel, request, Reference().run(again))
        pairs = [(one, by) for one, by in zip(outputs, gradients, strict=True) if by is not None]
        wanted = [one for one in tensors if one.requires_grad]
        found = iter(
            torch.autograd.grad(
                [one for one, _ in pairs], wanted, [by for _, by in pairs],
                create_graph=True, allow_unused=True,
            )
        )  # fmt: skip
    return [next(found) if one.requires_grad else None for one in tensors]
