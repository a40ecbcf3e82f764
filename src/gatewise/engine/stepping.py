"""Single steps of a cell, one after another: with a kernel, one call each and everything else prepared."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from gatewise.engine.choice import NATIVE, chosen_backend, run
from gatewise.engine.kernel import kernel
from gatewise.engine.native import extras, in_kernel_form
from gatewise.engine.request import Request


class CellSteps(Protocol):
    """A cell with states that its steps change."""

    output: Tensor  # [B, H] of the last step, whose memory the next one may overwrite

    def advance(self, values: Tensor) -> Tensor:
        """Runs a step on an input [B, I]. Returns: the output."""

    def states(self) -> dict[str, Tensor]:
        """A copy of the current states, [B, H] each."""

    def set_states(self, states: Mapping[str, Tensor]) -> None:
        """Replaces the current states by a copy of these."""


def cell_steps(request: Request) -> CellSteps:
    """Steps of a request for one step: by its kernel, or as the engine that supports the request."""
    return KernelSteps(request) if chosen_backend(request) is NATIVE else RequestedSteps(request)


class RequestedSteps:
    """Steps that are requests of their own, with a copy of the parameters."""

    output: Tensor

    @torch.no_grad()
    def __init__(self, request: Request) -> None:
        parameters = {name: one.detach().clone() for name, one in request.parameters.items()}
        self._request = replace(request, parameters=parameters)
        self.output = run(self._request).output[0]

    @torch.no_grad()
    def advance(self, values: Tensor) -> Tensor:
        result = run(replace(self._request, inputs=values.unsqueeze(0)))
        self._request = replace(self._request, state=result.final)
        self.output = result.output[0]
        return self.output

    def states(self) -> dict[str, Tensor]:
        return {name: one.clone() for name, one in self._request.state.items()}

    def set_states(self, states: Mapping[str, Tensor]) -> None:
        self._request = replace(self._request, state={name: one.clone() for name, one in states.items()})


class KernelSteps:
    """Steps by a kernel that has its parameters packed, and states and buffers of its own.

    The states alternate between two buffers: a step reads one and writes the other. An input needs the shape,
    dtype and strides of the request's, which is not checked.
    """

    output: Tensor

    def __init__(self, request: Request) -> None:
        request = in_kernel_form(request)
        own = kernel(request.cell, extras(request), torch.int8 if request.is_int8 else request.inputs.dtype)
        first = own.prepare(request)
        buffers = [[one.clone() for one in first.initial] for _ in range(2)]
        own.allocate(first, keep=False)
        first.initial, first.final = buffers[0], [*buffers[1]]
        second = replace(first, initial=buffers[1], final=[*buffers[0]])
        addresses, threads = own.addresses(first.parameters), own.thread_plan([first])
        self._problems = [own.problem(one, addresses, threads) for one in (first, second)]
        sizes = own.sizes(self._problems[0])
        memory = [torch.empty(size, dtype=torch.uint8) for size in sizes[:2]]  # packed, and scratch
        places = [one.buffer_info()[0] for one in self._problems]
        packed, scratch = (one.data_ptr() for one in memory)
        own.library.pack(places[0], packed)
        self._calls = [array("q", [place, 0, packed, scratch]) for place in places]
        self._addresses = [one.buffer_info()[0] for one in self._calls]
        self._input = self._problems[0].index(first.inputs.data_ptr())
        self._forward, self._turn = own.library.forward, 0
        self._runs, self._memory = (first, second), memory
        self.output = first.history[0][0, :, : first.signature.widths[0]]

    def advance(self, values: Tensor) -> Tensor:
        turn = self._turn
        self._problems[turn][self._input] = values.data_ptr()
        self._forward(self._addresses[turn], 1)
        self._turn = 1 - turn
        return self.output

    def states(self) -> dict[str, Tensor]:
        return {name: one.clone() for name, one in self._current().items()}

    def set_states(self, states: Mapping[str, Tensor]) -> None:
        for name, one in self._current().items():
            one.copy_(states[name])

    def _current(self) -> dict[str, Tensor]:
        """The states that the next step reads."""
        run = self._runs[self._turn]
        return {
            name: one[:, :width]
            for name, one, width in zip(
                run.signature.request.cell.state, run.initial, run.signature.widths, strict=True
            )
        }
