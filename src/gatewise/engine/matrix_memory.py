"""The backend of cells with a matrix memory: all that does not recur is computed for all steps at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gatewise.cells.expressions import Expression
from gatewise.cells.notation import prev
from gatewise.compiler.layout import layout
from gatewise.compiler.memory import Memory, MemoryPlan, memory_plan
from gatewise.engine.memories import Vectors, has_kernel, read_memories
from gatewise.engine.native import Native, as_the_states
from gatewise.engine.recording import recording
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request, selected_blocks
from gatewise.engine.sequences import in_given_order, in_running_order
from gatewise.engine.shapes import check, check_types
from gatewise.engine.step import CellStep, StepValues


class MatrixMemory:
    """Runs cells whose memory is affine in its last value, with lengths, resets and traces.

    Gates, keys, values and queries are computed for all steps at once; states that are vectors are a cell of
    their own, which the native backend runs; the memory is one operation, see `memories`. Under autocast,
    everything is computed in the dtype of the parameters.
    """

    name = "memory"

    def refusal(self, request: Request) -> str | None:
        if not request.cell.matrix_states:
            return "it runs cells with a matrix memory only"
        if request.zoneout or request.hidden_mask is not None or request.is_int8:
            return "it supports no zoneout, no masks and no int8 weights"
        if 0 in request.inputs.shape[:-1]:
            return "the batch is empty"
        plan = memory_plan(request.cell)
        return plan if isinstance(plan, str) else None

    def run(self, request: Request) -> LayerResult:
        device = request.inputs.device.type
        if not torch.is_autocast_enabled(device):
            return self._run(request)
        dtype = next(iter(request.parameters.values())).dtype  # gates may not be rounded: they multiply up
        state = {name: one.to(dtype) for name, one in request.state.items()}
        with torch.autocast(device, enabled=False):
            result = self._run(replace(request, inputs=request.inputs.to(dtype), state=state))
        return as_the_states(request, result)

    def _run(self, request: Request) -> LayerResult:
        check(request)
        check_types(request)
        running, inside = in_running_order(request)
        values, final = _Parts(running, inside).run()
        cell, names = request.cell, request.cell.state[:1]
        if request.trace:
            names = tuple(dict.fromkeys([*cell.state, *cell.intermediates]))
        found = {name: values[name] for name in names if name not in cell.matrix_states}
        return in_given_order(request, found, final, inside)


class _Parts:
    """A request's values of all steps. inside: where steps are inside their sequence, [T, B] or None"""

    def __init__(self, request: Request, inside: Tensor | None) -> None:
        plan = memory_plan(request.cell)
        assert isinstance(plan, MemoryPlan)
        self.request, self.inside, self.plan = request, inside, plan
        self.step = CellStep(request)
        self.values: StepValues = {}
        self.final: dict[str, Tensor] = {}

    def run(self) -> tuple[Mapping[str, Tensor], dict[str, Tensor]]:
        """Every line of every step that is a vector, [T, B, H], by name, and the final states."""
        cell, request = self.request.cell, self.request
        self.values = self.step.of_inputs(request.inputs)
        if self.plan.vectors is not None:
            self._run_vectors(request)
        lines = [name for name in cell.lines if name not in self.step.matrices]
        self._evaluate(name for name in lines if name not in self.plan.after)
        for memory in self.plan.memories:
            self._run_memory(memory)
        self._evaluate(name for name in lines if name in self.plan.after)
        for name in cell.previous:
            if name not in self.final:  # a state that no step reads
                self.final[name] = self._last(self.values[name], request.state[name])
        return self.values, {name: self.final[name] for name in cell.previous}

    def _evaluate(self, lines: Iterable[str]) -> None:
        for name in lines:
            if name not in self.values:
                self.values[name] = self.step.lines[name](self.values)

    def _run_vectors(self, request: Request) -> None:
        """The states that recur, and the lines that they need, by an engine of their own."""
        cell = self.plan.vectors
        assert cell is not None
        kinds = layout(request.cell).parameters
        own = {one.name: one.blocks for one in layout(cell).parameters}
        parameters = {
            one.name: selected_blocks(request.parameters[one.name], one.blocks, own[one.name])
            for one in kinds
            if one.name in own and one.name in request.parameters
        }
        state = {name: request.state[name] for name in cell.state}
        inner = replace(request, cell=cell, parameters=parameters, state=state, trace=True)
        result = _vectors_of(inner)
        assert result.trace is not None
        self.values |= {**result.trace.gates, **result.trace.states}
        self.final |= result.final
        for name in self.plan.before:
            before = torch.cat([state[name].unsqueeze(0), result.trace.states[name][:-1]])
            if request.resets is not None:
                before = before.masked_fill(request.resets[:, :, None], 0.0)
            self.values[prev[name]] = before

    def _run_memory(self, memory: Memory) -> None:
        """What the queries of a memory read."""
        request = self.request
        ones = request.inputs.new_ones(*request.inputs.shape[:2], self.step.units)

        def value(expression: Expression | None) -> Tensor:
            found = 1.0 if expression is None else self.step.value(expression, self.values)
            return torch.as_tensor(found).to(ones).expand_as(ones)

        a, u, k = value(memory.kept.unit), value(memory.written.unit), value(memory.written.key)
        b = None if memory.kept.key is None else value(memory.kept.key)
        q = value(memory.read.arguments[1])
        if self.inside is not None:  # beyond its length a memory stays as it is
            beyond = ~self.inside[:, :, None]
            a, u = a.masked_fill(beyond, 1.0), u.masked_fill(beyond, 0.0)
            b = None if b is None else b.masked_fill(beyond, 1.0)
        read, final = _read(request.state[memory.state], (a, b, u, k, q), request.heads, request.resets)
        self.values[memory.read], self.final[memory.state] = read, final

    def _last(self, values: Tensor, initial: Tensor) -> Tensor:
        """The value at the last step of each sequence, or the initial one of an empty sequence."""
        if self.request.lengths is None:
            return values[-1].clone()
        last = (self.request.lengths - 1).clamp(min=0)
        found = values[last, torch.arange(values.shape[1], device=values.device)]
        return torch.where((self.request.lengths > 0)[:, None], found, initial)


def _read(initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None) -> tuple[Tensor, Tensor]:
    """What queries read from memories, by an operation that the mode can record."""
    if recording() and has_kernel(initial, vectors):
        from gatewise.engine.memory_operator import read_by_operator  # imports all of PyTorch's compiler

        return read_by_operator(initial, vectors, heads, resets)
    return read_memories(initial, vectors, heads, resets)


def _vectors_of(request: Request) -> LayerResult:
    """The result of a cell of vectors."""
    if recording():
        from gatewise.engine.operators import run_operator  # imports all of PyTorch's compiler

        return run_operator(request) or Reference().run(request)
    native = Native()
    return (native if native.refusal(request) is None else Reference()).run(request)
