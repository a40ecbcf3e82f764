"""Cells with a matrix memory in a graph of PyTorch's compiler, which traces their parts as one function."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.memory import MemoryPlan, memory_plan
from gatewise.compiler.program import PLAIN
from gatewise.engine.matrix_memory import MatrixMemory
from gatewise.engine.request import LayerResult, Request, Trace
from gatewise.engine.tickets import read_ticket, write_ticket


def run_in_graph(request: Request) -> LayerResult | None:
    """Runs a request by the function; None if it does not support the request."""
    masked = request.zoneout or request.hidden_mask is not None or request.elapsed is not None
    if masked or request.is_int8 or 0 in request.inputs.shape[:-1]:
        return None
    cell = request.cell
    ticket = _ticket(cell, tuple(request.parameters))
    if not ticket:
        return None
    results = _in_parts(
        request.inputs, list(request.parameters.values()), [request.state[name] for name in cell.previous],
        request.lengths, request.resets, ticket, request.heads, bool(request.reverse), request.trace,
    )  # fmt: skip
    left = 1 + len(cell.previous)
    final = dict(zip(cell.previous, results[1:left], strict=True))
    if not request.trace:
        return LayerResult(results[0], final, None)
    states = [name for name in cell.state if name not in cell.matrix_states]
    middle = left + len(states)
    return LayerResult(
        results[0],
        final,
        Trace(
            dict(zip(states, results[left:middle], strict=True)),
            dict(zip(cell.intermediates, results[middle:], strict=True)),
        ),
    )


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _ticket(cell: CellType, names: tuple[str, ...]) -> str:
    """The ticket of a cell, or nothing if its memory is not computed in parts."""
    if not cell.matrix_states or not isinstance(memory_plan(cell), MemoryPlan):
        return ""
    return write_ticket(cell, PLAIN, names)


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _in_parts(
    inputs: Tensor, parameters: list[Tensor], state: list[Tensor], lengths: Tensor | None,
    resets: Tensor | None, ticket: str, heads: int, reverse: bool, trace: bool,
) -> list[Tensor]:  # fmt: skip
    """The output, the final states and, if traced, the states that are vectors and the gates."""
    own = read_ticket(ticket)
    request = Request(
        own.cell, inputs, dict(zip(own.names, parameters, strict=True)),
        dict(zip(own.cell.previous, state, strict=True)), lengths, resets, reverse, trace=trace, heads=heads,
    )  # fmt: skip
    result = MatrixMemory().run(request)
    found = [result.output, *result.final.values()]
    if result.trace is not None:
        found += [*result.trace.states.values(), *result.trace.gates.values()]
    return found
