"""The backend of cells with a matrix memory: all that does not recur is computed for all steps at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Expression
from gatewise.cells.notation import prev
from gatewise.compiler.layout import is_bias, layout
from gatewise.compiler.memory import Memory, MemoryPlan, memory_plan
from gatewise.compiler.memory_heads import HeadPlan, head_plan
from gatewise.engine.heads_step import HeadsStep
from gatewise.engine.memories import has_kernel, read_memories
from gatewise.engine.native import Native, as_the_states
from gatewise.engine.recording import batched, recording, transformed
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request, selected_blocks
from gatewise.engine.sequences import in_given_order, in_running_order
from gatewise.engine.shapes import check, check_types
from gatewise.engine.step import StepValues
from gatewise.engine.triton.backend import Triton
from gatewise.engine.triton.memory_call import Vectors


class MatrixMemory:
    """Runs cells whose memory is affine in its last value, with lengths, resets and traces.

    Gates, keys, values and queries are computed for all steps at once; states that are vectors are a cell of
    their own, which the native or the Triton backend runs; the memory is one operation, see `memories`. Under
    autocast, everything is computed in the dtype of the parameters.
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
        cell, names = request.cell, request.cell.state[:1]
        if request.trace:
            names = tuple(dict.fromkeys([*cell.state, *cell.intermediates]))
        found, final = _Parts(running, inside).run([one for one in names if one not in cell.matrix_states])
        return in_given_order(request, found, final, inside)


class _Parts:
    """A request's values of all steps, [T, B, heads, K], or [T, B, heads, 1] for numbers of heads.

    inside: where steps are inside their sequence, [T, B] or None
    """

    def __init__(self, request: Request, inside: Tensor | None) -> None:
        plan = memory_plan(request.cell)
        assert isinstance(plan, MemoryPlan)
        self.request, self.inside, self.plan = request, inside, plan
        self.step = HeadsStep(request)
        self.values: StepValues = {}
        self.final: dict[str, Tensor] = {}

    def run(self, names: Iterable[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Some lines of every step, [T, B, H], by name, and the final states."""
        cell, request, after = self.request.cell, self.request, self.plan.after
        by_head = _by_head(request, self.plan)
        self.values = self.step.of_inputs(request.inputs)
        lines = [name for name in cell.lines if name not in self.step.matrices]
        if by_head is not None:
            self._run_numbers(by_head)
            self._evaluate(name for name in lines if name not in after | by_head.after)
            for normalizer in by_head.normalizers:
                self._run_memory(normalizer, units=1)
            lines = [name for name in lines if name not in self.final or name in self.values]
        elif self.plan.vectors is not None:
            self._run_vectors(self.plan.vectors, self.plan.before, request.state, request.heads)
        self._evaluate(name for name in lines if name not in after)
        for memory in self.plan.memories:
            self._run_memory(memory, self.step.keys)
        self._evaluate(name for name in lines if name in after)
        for name in cell.previous:
            if name not in self.final:  # a state that no step reads
                self.final[name] = self._last(self._flat(name), request.state[name])
        return {name: self._flat(name) for name in names}, {name: self.final[name] for name in cell.previous}

    def _flat(self, name: str) -> Tensor:
        return self.step.flat(self._tensor(self.values[name]))

    def _evaluate(self, lines: Iterable[str]) -> None:
        for name in lines:
            if name not in self.values:
                self.values[name] = self.step.lines[name](self.values)

    def _run_numbers(self, by_head: HeadPlan) -> None:
        """The states that are numbers of heads, by a cell with one unit for each head."""
        cell, state = by_head.numbers, self.request.state
        if cell is not None:
            initial = {name: self.step.of_units(state[name])[..., 0].contiguous() for name in cell.state}
            self._run_vectors(cell, by_head.before, initial, heads=1)
            for name in cell.state:
                self.final[name] = self.final[name].repeat_interleave(self.step.keys, dim=-1)

    def _run_vectors(
        self, cell: CellType, before: tuple[str, ...], state: Mapping[str, Tensor], heads: int
    ) -> None:
        """The states that recur, and the lines that they need, by an engine of their own."""
        request = self.request
        state = {name: state[name] for name in cell.state}
        kinds, parameters = {one.name: one.blocks for one in layout(request.cell).parameters}, {}
        for one in layout(cell).parameters:
            if one.name in request.parameters:
                whole = request.parameters[one.name]
                parameters[one.name] = selected_blocks(whole, kinds[one.name], one.blocks)
            elif not is_bias(
                one
            ):  # in a layer without biases that of a row for each head is a vector of zeros
                units = state[cell.state[0]].shape[-1]
                parameters[one.name] = request.inputs.new_zeros(len(one.blocks) * units)
        inner = replace(request, cell=cell, parameters=parameters, state=state, trace=True, heads=heads)
        result = _vectors_of(inner)
        assert result.trace is not None
        for name, values in {**result.trace.gates, **result.trace.states}.items():
            self.values[name] = self.step.of_units(values)
        self.final |= result.final
        for name in before:
            last = torch.cat([state[name].unsqueeze(0), result.trace.states[name][:-1]])
            if request.resets is not None:
                last = last.masked_fill(request.resets[:, :, None], 0.0)
            self.values[prev[name]] = self.step.of_units(last)

    def _run_memory(self, memory: Memory, units: int) -> None:
        """What the queries of a memory read. units: of each head"""
        request, keys = self.request, self.step.keys

        def value(expression: Expression | None, width: int | None = None) -> Tensor:
            found = self._tensor(1.0 if expression is None else self.step.value(expression, self.values))
            return found.expand(*found.shape[:-1], width or found.shape[-1]).flatten(-2).contiguous()

        by_key = memory.kept.key is not None
        a = value(memory.kept.unit, units if by_key or recording() else None)  # else it may be by head
        b = value(memory.kept.key, keys) if by_key else None
        u, k, q = (
            value(memory.written.unit, units),
            value(memory.written.key, keys),
            value(memory.query, keys),
        )
        if self.inside is not None:  # beyond its length a memory stays as it is
            beyond = ~self.inside[:, :, None]
            a, u = a.masked_fill(beyond, 1.0), u.masked_fill(beyond, 0.0)
            b = None if b is None else b.masked_fill(beyond, 1.0)
        before = request.state[memory.state]
        initial = before.unflatten(-1, (-1, keys)) if before.dim() == 2 else before
        read, final = _read(initial, (a, b, u, k, q), request.heads, request.resets)
        self.values[memory.read] = self.step.of_units(read)
        self.final[memory.state] = final.reshape(before.shape)

    def _tensor(self, found: Tensor | float) -> Tensor:
        """A value with all its axes, [T, B, heads, K or 1], which may be a constant."""
        inputs = self.request.inputs
        values = torch.as_tensor(found).to(inputs)
        width = values.shape[-1] if values.dim() else 1
        return values.expand(*inputs.shape[:2], self.request.heads, width)

    def _last(self, values: Tensor, initial: Tensor) -> Tensor:
        """The value at the last step of each sequence, or the initial one of an empty sequence."""
        if self.request.lengths is None:
            return values[-1].clone()
        last = (self.request.lengths - 1).clamp(min=0)
        found = values[last, torch.arange(values.shape[1], device=values.device)]
        return torch.where((self.request.lengths > 0)[:, None], found, initial)


def _by_head(request: Request, plan: MemoryPlan) -> HeadPlan | None:
    """How vector states are computed by head; None if they can't be, or the request needs them by unit.

    Initial states decide, too: they are one for all units of a head if they are equal and need no gradient.
    """
    found = head_plan(request.cell, plan)
    if found is None or request.trace or recording():
        return None
    if request.inputs.is_cuda and torch.cuda.is_current_stream_capturing():  # which can't compare numbers
        return None
    for name in found.numbers.state if found.numbers else ():
        state = request.state[name]
        if state.requires_grad or transformed([state]) or batched([state]):
            return None
        heads = state.unflatten(-1, (request.heads, -1))
        if not torch.equal(heads, heads[..., :1].expand_as(heads)):
            return None
    return found


def _read(initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None) -> tuple[Tensor, Tensor]:
    """What queries read from memories, by an operation that the mode can record."""
    if recording() and has_kernel(initial, vectors):
        from gatewise.engine.memory_operator import read_by_operator  # imports all of PyTorch's compiler

        return read_by_operator(initial, vectors, heads, resets)
    return read_memories(initial, vectors, heads, resets)


def _vectors_of(request: Request) -> LayerResult:
    """The result of a cell of vectors."""
    engines: tuple[Native | Triton | Reference, ...] = (Native(), Triton(), Reference())
    if recording():
        from gatewise.engine.operators import run_operator  # imports all of PyTorch's compiler

        found = run_operator(request)
        if found is not None:
            return found
        engines = (Triton(), Reference())
    return next(one for one in engines if one.refusal(request) is None).run(request)
