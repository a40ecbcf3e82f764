"""A kernel as an operation that PyTorch can differentiate."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.expressions import ELAPSED
from gatewise.engine import workspace
from gatewise.engine.call import KernelCall
from gatewise.engine.kernel import Kernel, many, one_row, rows
from gatewise.engine.operator_gradient import by_autograd
from gatewise.engine.recording import batched, recording, transformed
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request, Trace


class Along(torch.autograd.Function):
    """A cell along sequences, with the forward and backward pass of its kernel.

    Takes the tensors of each request: inputs, parameters, states. Returns `flat` of each result. Requests
    run in parallel, forward and backward.
    """

    @staticmethod
    def forward(
        ctx: Any, kernel: Kernel, requests: Sequence[Request], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        calls = [kernel.prepare(request) for request in requests]
        kernel.forward(calls, keep=True)
        results = [result(kernel, call, True, call.signature.request.trace) for call in calls]
        kept = [one.clone() if one.is_inference() else one for call in calls for one in call.tensors()]
        ctx.places = _save(ctx, [*tensors, *kept])
        ctx.kernel, ctx.signatures = kernel, [call.signature for call in calls]
        ctx.versions = [_version(call, one.output) for call, one in zip(calls, results, strict=True)]
        ctx.set_materialize_grads(False)
        return tuple(one for found in results for one in flat(kernel, found))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        kernel, signatures, each = ctx.kernel, ctx.signatures, len(gradients) // len(ctx.signatures)
        by_result = [gradients[first : first + each] for first in range(0, len(gradients), each)]
        distinct = ctx.saved_tensors  # read once: checkpointing recomputes them at each access
        saved = iter([distinct[place] for place in ctx.places])
        count = (len(ctx.needs_input_grad) - 2) // len(signatures)
        tensors = [[next(saved) for _ in range(count)] for _ in signatures]
        calls = [signature.call(saved) for signature in signatures]
        if torch.is_grad_enabled() or recording() or transformed(gradients) or batched(gradients):
            again = zip(calls, tensors, by_result, strict=True)
            found = [by_reference(kernel, request_of(kernel, *one), by) for *one, by in again]
            return None, None, *(one for own in found for one in own)
        changed = [place for place, own in enumerate(ctx.versions) if own and own[0]._version != own[1]]
        for place in changed:  # an output that shares the history's memory was modified in place
            calls[place] = replace(calls[place], history=[], final=[], intermediates=None)
            kernel.forward([calls[place]], keep=True)
        wanted = ctx.needs_input_grad[2:]
        asked = [
            gradient_request(kernel, call, by, wanted[number * count : (number + 1) * count])
            for number, (call, by) in enumerate(zip(calls, by_result, strict=True))
        ]
        return None, None, *(one for own in by_kernel(kernel, asked) for one in own)


def _save(ctx: Any, tensors: Sequence[Tensor]) -> list[int]:
    """Saves each distinct tensor once. Returns: the index of each given tensor among them."""
    distinct = {id(one): one for one in tensors}
    ctx.save_for_backward(*distinct.values())
    places = {key: place for place, key in enumerate(distinct)}
    return [places[id(one)] for one in tensors]


def _version(call: KernelCall, output: Tensor) -> tuple[Tensor, int] | None:
    """A tensor without memory that has an output's version counter, and its current version.

    None if the output has its own memory, so that a change does not matter.
    """
    if output.data_ptr() != call.history[0].data_ptr():
        return None
    counter = output.detach()
    counter.data = output.new_empty(0)
    return counter, counter._version


def result(kernel: Kernel, call: KernelCall, kept: bool, trace: bool) -> LayerResult:
    """The result of a call, in the shapes of the request.

    No tensor is a view, so that a caller can modify it in place; a large output may share the memory of the
    history, all other tensors have their own.

    kept: whether the gradient reads the call; trace: whether the result has a trace
    """
    cell, signature = kernel.cell, call.signature
    output = _output(call, kept)
    final = {
        name: one if one.shape == shape else owned(one, signature.widths[state], shape[:-1])
        for name, one, state, shape in zip(
            cell.previous, call.final, kernel.states_of_previous, signature.shapes, strict=True
        )
        if one is not None
    }
    return LayerResult(output, final, _trace(kernel, call, output) if trace else None)


def _output(call: KernelCall, kept: bool) -> Tensor:
    signature, rows = call.signature, call.history[0]
    places, width = (*signature.sizes, signature.batch), signature.widths[0]
    if rows.shape == (*places, width):
        if not kept:
            return rows
        if (
            rows.nbytes < workspace.MIN_BYTES
        ):  # a copy takes less time than a second tensor of the same memory
            return rows.clone()
    return owned(rows, width, places)


def _trace(kernel: Kernel, call: KernelCall, output: Tensor) -> Trace:
    cell, signature = kernel.cell, call.signature
    places, states = (*signature.sizes, signature.batch), {cell.state[0]: output}
    for name, one, width in zip(cell.state[1:], call.history[1:], signature.widths[1:], strict=True):
        states[name] = copied(one, width, places)
    gates = {name: states[name] for name in cell.intermediates if name in states}
    if call.intermediates is not None:
        within = {name: kernel.kept.index(name) for name in cell.intermediates if name not in states}
        gates |= {
            name: copied(call.intermediates[:, :, at], signature.units, places) for name, at in within.items()
        }
    return Trace(states, {name: gates[name] for name in cell.intermediates})


def owned(rows: Tensor, width: int, places: Sequence[int]) -> Tensor:
    """Rows as a tensor that is no view: with the same memory if rows have no padding, else a copy."""
    if rows.shape[-1] != width:
        return copied(rows, width, places)
    return rows.view(*places, width).data


def copied(rows: Tensor, width: int, places: Sequence[int]) -> Tensor:
    """A copy of rows without padding, of shape [*places, width]."""
    copy = workspace.empty((*places, width), rows.dtype)
    return copy.copy_(rows[..., :width].view_as(copy))


def in_lattice_form(values: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """[T, B, H] -> [L, B, H], with the axes of a lattice."""
    return values if len(sizes) == 1 else values.unflatten(0, sizes)


def unpadded(rows: Tensor, width: int) -> Tensor:
    """Rows without padding."""
    return rows if rows.shape[-1] == width else rows[..., :width]


def flat(kernel: Kernel, result: LayerResult) -> tuple[Tensor, ...]:
    """The tensors of a result, each once: output, final states; of a trace the other states and the gates."""
    trace: list[Tensor] = []
    if result.trace is not None:
        states, gates = result.trace.states, result.trace.gates
        trace = [states[name] for name in kernel.cell.state[1:]]
        trace += [one for name, one in gates.items() if name not in states]
    return (result.output, *result.final.values(), *trace)


def unflat(kernel: Kernel, request: Request, tensors: Sequence[Tensor]) -> LayerResult:
    """The result with these tensors, the inverse of `flat`."""
    states, previous = kernel.cell.state, kernel.cell.previous
    output, final, rest = tensors[0], tensors[1 : 1 + len(previous)], iter(tensors[1 + len(previous) :])
    trace = None
    if request.trace:
        history = {name: output if name == states[0] else next(rest) for name in states}
        trace = Trace(
            history,
            {name: history[name] if name in history else next(rest) for name in kernel.cell.intermediates},
        )
    return LayerResult(output, dict(zip(previous, final, strict=True)), trace)


@dataclass
class GradientRequest:
    """A call, the gradients with respect to its results, and which gradients to compute.

    by_history, by_final: for each state, or None; by_intermediates: [T, B, kept, H'] or None
    wanted: whether to compute the gradient, for inputs, parameters, initial states
    """

    call: KernelCall
    by_history: Sequence[Tensor | None]
    by_final: Sequence[Tensor | None]
    by_intermediates: Tensor | None
    wanted: Sequence[bool]


def gradient_request(
    kernel: Kernel, call: KernelCall, by: Sequence[Tensor | None], wanted: Sequence[bool]
) -> GradientRequest:
    """The gradient request of a call. by: the gradients with respect to `flat` of its result"""
    states, left = len(kernel.cell.state), 1 + len(kernel.cell.previous)
    by = [None if one is None else one.resolve_neg() for one in by]
    by_history = [by[0], *(by[left : left + states - 1] or [None] * (states - 1))]
    return GradientRequest(
        call, by_history, by[1:left], _gathered(kernel, call, by[left + states - 1 :]), wanted
    )


def by_kernel(kernel: Kernel, asked: Sequence[GradientRequest]) -> list[list[Tensor | None]]:
    """The gradients of each call with respect to inputs, parameters and initial states, in parallel."""
    given, found = [], []
    for one in asked:
        gradients, own = _buffers(kernel, one)
        given.append(array("q", gradients))
        found.append(own)
    kernel.call(kernel.library.backward, [one.call for one in asked], given, 2)
    return [_unpadded_gradients(kernel, one.call, own) for one, own in zip(asked, found, strict=True)]


def _buffers(kernel: Kernel, asked: GradientRequest) -> tuple[list[int], list[Tensor | None]]:
    """The fields of `Gradients` of native/problem.h, and the tensors that the kernel writes."""
    call, wanted = asked.call, iter(asked.wanted)
    by_history, by_final = (
        [None if one is None else kernel.pad_rows(one_row(one)) for one in given]
        for given in (asked.by_history, asked.by_final)
    )
    by_inputs = workspace.empty_like(call.inputs) if next(wanted) else None
    by_parameter = {
        name: workspace.empty(one.shape, kernel.dtype) if next(wanted) else None
        for name, one in call.parameters.items()
    }
    by_initial = [workspace.empty_like(one) if next(wanted) else None for one in call.initial]
    if kernel.cell.axes > 1 and call.lengths is not None:  # some positions of a side belong to no sample
        by_initial = [None if one is None else one.zero_() for one in by_initial]
    numbers = [
        *many(by_history), *many(by_final), *rows(asked.by_intermediates), *rows(by_inputs),
        *many(by_initial), *kernel.addresses(by_parameter),
    ]  # fmt: skip
    asked.by_history, asked.by_final = by_history, by_final  # kept alive while the kernel reads them
    return numbers, [by_inputs, *by_parameter.values(), *by_initial]


def _unpadded_gradients(kernel: Kernel, call: KernelCall, found: list[Tensor | None]) -> list[Tensor | None]:
    first = 1 + len(call.parameters)
    by_inputs = found[0] if found[0] is None else in_lattice_form(found[0], call.signature.sizes)
    by_initial = [
        None if one is None else unpadded(one, call.signature.widths[state]).reshape(shape)
        for one, state, shape in zip(
            found[first:], kernel.states_of_previous, call.signature.shapes, strict=True
        )
    ]
    return [by_inputs, *found[1:first], *by_initial]


def _gathered(kernel: Kernel, call: KernelCall, by_gates: Sequence[Tensor | None]) -> Tensor | None:
    """The gradients with respect to the traced gates as one tensor [T, B, kept, H'], or None."""
    if call.intermediates is None or all(one is None for one in by_gates):
        return None
    gathered = torch.zeros_like(call.intermediates)
    names = (name for name in kernel.cell.intermediates if name not in kernel.cell.state)
    for name, one in zip(names, by_gates, strict=True):
        if one is not None:
            gathered[:, :, kernel.kept.index(name), : one.shape[-1]] = one_row(one)
    return gathered


def request_of(kernel: Kernel, call: KernelCall, tensors: Sequence[Tensor]) -> Request:
    """The request of a call, with its tensors."""
    given, bare, states = iter(tensors), call.signature.request, kernel.cell.state
    inputs = next(given)
    factors = dict(zip(kernel.plan.program.factors, call.factors, strict=True))
    zoneout = {
        name: bare.zoneout[name]
        if name in bare.zoneout
        else unpadded(factors[name], call.signature.widths[states.index(name)])
        for name in kernel.extras.zoned
    }
    return replace(
        bare,
        inputs=inputs,
        parameters={name: next(given) for name in call.signature.names},
        state=dict(zip(kernel.cell.previous, given, strict=True)),
        lengths=call.lengths,
        resets=None if call.resets is None else call.resets.view(torch.bool),
        zoneout=zoneout,
        hidden_mask=unpadded(factors["mask"][0], call.signature.widths[0]) if "mask" in factors else None,
        elapsed=factors[ELAPSED][:, :, 0] if ELAPSED in factors else None,
    )


def by_reference(kernel: Kernel, request: Request, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The gradients with respect to inputs, parameters and states by PyTorch's operations, to any order."""
    tensors = [request.inputs, *request.parameters.values(), *request.state.values()]
    with torch.enable_grad():
        outputs = flat(kernel, Reference().run(request))
    return by_autograd(tensors, list(zip(outputs, gradients, strict=True)))
