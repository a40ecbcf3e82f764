"""Calls that repeat the one before with other values: its checks and its preparation are kept."""

from __future__ import annotations

from array import array
from functools import partial

import torch
from torch import Tensor

from gatewise.engine.call import KernelCall
from gatewise.engine.differentiable import result
from gatewise.engine.kernel import Kernel, give_back, kernel
from gatewise.engine.native import DTYPE, IS_CPU, ORDINARY, Native, extras, factors, in_kernel_form
from gatewise.engine.recording import transformed
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.shapes import SHAPE
from gatewise.engine.thread_plan import usable

Kind = tuple[object, ...]
FIELDS = 4  # of `Rows` in native/problem.h


class Repetition:
    """The last kind of request of a layer and direction, and its kernel call if the kind came twice.

    Most of the time of a single step goes into checks and into the form of the kernel. Both stay valid while
    parameters are the same memory, and all tensors have the same shapes and strides. A copy or a pickle of it
    is empty, as addresses are those of one process.
    """

    def __init__(self) -> None:
        # Replaced as a whole, so that threads never see the call of another kind.
        self._last: tuple[Kind, RepeatedCall | None, bool] | None = None

    def __reduce__(self) -> tuple[type[Repetition], tuple[()]]:
        return Repetition, ()

    def run(self, request: Request) -> LayerResult | None:
        """The result of a request, or None if it is not a repetition, or not one of a kernel."""
        kind = kind_of(request)
        if kind is None:
            return None
        last = self._last
        if last is None or last[0] != kind:
            self._last = kind, None, False
            return None
        _, call, is_known = last
        if not is_known:
            call = repeated_call(request)
            self._last = kind, call, True
        return None if call is None else call.run(request)


def kind_of(request: Request) -> Kind | None:
    """All that a prepared call depends on; None for calls that are not prepared, such as in training."""
    conditions = request.lengths is None and request.resets is None and request.elapsed is None
    if not conditions or request.trace or request.zoneout or request.hidden_mask is not None:
        return None
    if torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or request.cell.axes > 1:
        return None
    parameters = request.parameters.values()
    tensors = [request.inputs, *request.state.values(), *parameters]
    if not ORDINARY.issuperset(map(type, tensors)) or not all(map(IS_CPU, tensors)):
        return None
    if transformed(tensors) or any(map(Tensor.is_neg, tensors)):
        return None
    return (
        request.cell, request.reverse, request.recompute, request.heads, usable(), *request.parameters,
        *map(SHAPE, tensors), *map(Tensor.stride, tensors), *map(DTYPE, tensors),
        *map(Tensor.data_ptr, parameters),
    )  # fmt: skip


def repeated_call(request: Request) -> RepeatedCall | None:
    """The prepared call of a request; None if no kernel runs it, or on copies of its tensors only."""
    if Native().refusal(request) is not None or in_kernel_form(request) is not request:
        return None
    if request.inputs.stride(-1) != 1 or not all(map(Tensor.is_contiguous, request.parameters.values())):
        return None
    own = kernel(request.cell, extras(request), factors(request))
    return None if own.plan.program.factors else RepeatedCall(own, request)


class RepeatedCall:
    """A call of a kernel in inference, prepared but for the memory of values and results."""

    def __init__(self, own: Kernel, request: Request) -> None:
        call = own.prepare(request)
        own.allocate(call, keep=False)
        threads = own.thread_plan([call])
        self._kernel, self._signature, self._parameters = own, call.signature, call.parameters
        self._key = own.key(call)
        self._addresses = partial(own.addresses, call.parameters)
        self._unpacked = call.signature.is_unpacked(threads)
        weights = own.weights.find(self._key, self._addresses)
        self._problem = own.problem(call, weights.addresses, threads, self._unpacked)
        given = 1 + len(call.initial) + len(call.history) + len(call.final) + 1
        self._first = len(self._problem) - FIELDS * given
        self._sizes = own.sizes(self._problem)
        states = [request.state[name] for name in own.cell.previous]
        self._is_padded = any(one is not padded for one, padded in zip(states, call.initial, strict=True))

    def run(self, request: Request) -> LayerResult:
        """The result of a request of the same kind."""
        own = self._kernel
        initial = [request.state[name] for name in own.cell.previous]
        if self._is_padded:
            initial = [own.pad_rows(one) for one in initial]
        call = KernelCall(self._signature, request.inputs, self._parameters, initial, [], None, None)
        own.allocate(call, keep=False)
        problem, place = self._problem[:], self._first
        for one in (call.inputs, *initial, *call.history, *call.final, call.intermediates):
            if one is not None:
                problem[place] = one.data_ptr()
            place += FIELDS
        weights = own.weights.find(self._key, self._addresses)
        memory = own.memory(problem, weights, self._sizes, self._unpacked, 1)
        numbers = array("q", (problem.buffer_info()[0], 0, *map(Tensor.data_ptr, memory)))
        own.library.forward(numbers.buffer_info()[0], 1)
        give_back(memory, self._unpacked)
        return result(own, call, False, False)
