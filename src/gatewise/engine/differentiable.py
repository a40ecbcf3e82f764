"""A kernel as an operation that PyTorch can differentiate."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gatewise.engine import workspace
from gatewise.engine.kernel import Kernel, Run, many, one_row, rows
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request, Result, Trace


class Along(torch.autograd.Function):
    """A cell along sequences, by its kernel; the gradient by the kernel's own reverse.

    Takes for each request its tensors: inputs, parameters, states. Returns what `flat` makes of each
    result. Requests run side by side, forward and backward.
    """

    @staticmethod
    def forward(
        ctx: Any, kernel: Kernel, requests: Sequence[Request], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        runs = [kernel.prepared(request) for request in requests]
        kernel.forward(runs, keep=True)
        saved = [one for run in runs for one in run.tensors()]
        ctx.save_for_backward(*tensors, *saved)
        ctx.kernel, ctx.runs = kernel, [run.without_tensors() for run in runs]
        ctx.set_materialize_grads(False)
        return tuple(one for run in runs for one in flat(kernel, result(kernel, run)))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        kernel, runs = ctx.kernel, ctx.runs
        states, left = len(kernel.cell.state), 1 + len(kernel.cell.previous)
        each = len(gradients) // len(runs)
        by_result = [gradients[first : first + each] for first in range(0, len(gradients), each)]
        count = (len(ctx.needs_input_grad) - 2) // len(runs)
        tensors = [ctx.saved_tensors[first : first + count] for first in range(0, count * len(runs), count)]
        if torch.is_grad_enabled():  # a gradient of the gradient is wanted: go by plain PyTorch
            again = zip(runs, tensors, by_result, strict=True)
            return None, None, *(one for run, own, by in again for one in _by_reference(kernel, run, own, by))
        saved = iter(ctx.saved_tensors[count * len(runs) :])
        asked = []
        for number, by in enumerate(by_result):
            run = runs[number].with_tensors(saved)
            traced = by[left:]
            by_history = [by[0], *(traced[: states - 1] or [None] * (states - 1))]
            by_inner = _gathered(kernel, run, traced[states - 1 :])
            wanted = ctx.needs_input_grad[2 + number * count : 2 + (number + 1) * count]
            asked.append(Asked(run, by_history, by[1:left], by_inner, wanted))
        return None, None, *(one for found in by_kernel(kernel, asked) for one in found)


def result(kernel: Kernel, run: Run) -> Result:
    """What a run gives back, in the request's form, without what fills rows up to whole vectors."""
    cell, request = kernel.cell, run.request
    history = {
        name: in_form(shown(one, width), run.sizes)
        for name, one, width in zip(cell.state, run.history, run.widths, strict=True)
    }
    final = {}
    for name, one, state in zip(cell.previous, run.final, kernel.states_of_previous, strict=True):
        if one is not None:
            last = shown(one, run.widths[state]).contiguous()
            final[name] = last if len(run.sizes) == 1 else last.view(request.state[name].shape)
    trace = None
    if request.trace:
        units, inner = run.units, run.inner
        gates = {name: history[name] for name in cell.inner if name in history}
        if inner is not None:
            places = {name: kernel.kept.index(name) for name in cell.inner if name not in history}
            gates |= {name: in_form(inner[:, :, at, :units], run.sizes) for name, at in places.items()}
        trace = Trace(history, {name: gates[name] for name in cell.inner})
    return Result(history[cell.state[0]], final, trace)


def in_form(values: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """[T, B, H] -> [L, B, H], positions in the form of a lattice."""
    return values if len(sizes) == 1 else values.unflatten(0, sizes)


def shown(rows: Tensor, width: int) -> Tensor:
    """Rows without what fills them up to whole vectors."""
    return rows if rows.shape[-1] == width else rows[..., :width]


def flat(kernel: Kernel, result: Result) -> tuple[Tensor, ...]:
    """The tensors of a result, each once: output, last states; of a trace the other states and the gates."""
    trace: list[Tensor] = []
    if result.trace is not None:
        states, gates = result.trace.states, result.trace.gates
        trace = [states[name] for name in kernel.cell.state[1:]]
        trace += [one for name, one in gates.items() if name not in states]
    return (result.output, *result.final.values(), *trace)


def unflat(kernel: Kernel, request: Request, tensors: Sequence[Tensor]) -> Result:
    """The result whose tensors these are."""
    states, previous = kernel.cell.state, kernel.cell.previous
    output, final, rest = tensors[0], tensors[1 : 1 + len(previous)], iter(tensors[1 + len(previous) :])
    trace = None
    if request.trace:
        history = {name: output if name == states[0] else next(rest) for name in states}
        trace = Trace(
            history, {name: history[name] if name in history else next(rest) for name in kernel.cell.inner}
        )
    return Result(output, dict(zip(previous, final, strict=True)), trace)


@dataclass
class Asked:
    """A run, the gradients by all that it gave, and by which of its tensors the gradient is wanted.

    by_history, by_final: for each state, or None; by_inner: [T, B, kept, H'] or None
    wanted: for inputs, parameters, initial states
    """

    run: Run
    by_history: Sequence[Tensor | None]
    by_final: Sequence[Tensor | None]
    by_inner: Tensor | None
    wanted: Sequence[bool]


def by_kernel(kernel: Kernel, asked: Sequence[Asked]) -> list[list[Tensor | None]]:
    """For each run the gradients by inputs, parameters and initial states; side by side."""
    given, found = [], []
    for one in asked:
        gradients, own = _room(kernel, one)
        given.append(array("q", gradients))
        found.append(own)
    kernel.call(kernel.library.backward, [one.run for one in asked], given, 2)
    return [_without_filling(kernel, one.run, own) for one, own in zip(asked, found, strict=True)]


def _room(kernel: Kernel, asked: Asked) -> tuple[list[int], list[Tensor | None]]:
    """`Gradients` of native/problem.h, number by number; and the tensors that will be written."""
    run, wanted = asked.run, iter(asked.wanted)
    by_history, by_final = (
        [None if one is None else kernel.filled_up(one_row(one)) for one in given]
        for given in (asked.by_history, asked.by_final)
    )
    by_inputs = workspace.empty_like(run.inputs) if next(wanted) else None
    by_parameter = {
        name: workspace.empty(one.shape, kernel.dtype) if next(wanted) else None
        for name, one in run.parameters.items()
    }
    by_initial = [workspace.empty_like(one) if next(wanted) else None for one in run.initial]
    if kernel.cell.axes > 1 and run.lengths is not None:  # there is a side's position where no sample enters
        by_initial = [None if one is None else one.zero_() for one in by_initial]
    numbers = [
        *many(by_history), *many(by_final), *rows(asked.by_inner), *rows(by_inputs), *many(by_initial),
        *kernel.addresses(by_parameter),
    ]  # fmt: skip
    asked.by_history, asked.by_final = by_history, by_final  # held as long as the kernel reads them
    return numbers, [by_inputs, *by_parameter.values(), *by_initial]


def _without_filling(kernel: Kernel, run: Run, found: list[Tensor | None]) -> list[Tensor | None]:
    first = 1 + len(run.parameters)
    by_inputs = found[0] if found[0] is None else in_form(found[0], run.sizes)
    by_initial = [
        None if one is None else shown(one, run.widths[state]).reshape(shape)
        for one, state, shape in zip(found[first:], kernel.states_of_previous, run.shapes, strict=True)
    ]
    return [by_inputs, *found[1:first], *by_initial]


def _gathered(kernel: Kernel, run: Run, by_gates: Sequence[Tensor | None]) -> Tensor | None:
    """The gradients by the traced gates as one, [T, B, kept, H'], where there are any."""
    if run.inner is None or all(one is None for one in by_gates):
        return None
    gathered = torch.zeros_like(run.inner)
    names = (name for name in kernel.cell.inner if name not in kernel.cell.state)
    for name, one in zip(names, by_gates, strict=True):
        if one is not None:
            gathered[:, :, kernel.kept.index(name), : one.shape[-1]] = one_row(one)
    return gathered


def _by_reference(
    kernel: Kernel, run: Run, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The same gradient by PyTorch's own operations, which can be differentiated again."""
    given = iter(tensors)
    inputs = next(given)
    parameters = {name: next(given) for name in run.names}
    with torch.enable_grad():
        state = dict(zip(kernel.cell.previous, given, strict=True))
        again = replace(run.request, inputs=inputs, parameters=parameters, state=state)
        outputs = flat(kernel, Reference().run(again))
        pairs = [(one, by) for one, by in zip(outputs, gradients, strict=True) if by is not None]
        wanted = [one for one in tensors if one.requires_grad]
        found = iter(
            torch.autograd.grad(
                [one for one, _ in pairs], wanted, [by for _, by in pairs],
                create_graph=True, allow_unused=True,
            )
        )  # fmt: skip
    return [next(found) if one.requires_grad else None for one in tensors]
