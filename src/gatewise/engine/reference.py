"""The reference: a cell's equations evaluated step by step in plain PyTorch. It defines what is correct."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from gatewise.engine.diagonals import over_lattice
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.sequences import in_given_order, in_running_order
from gatewise.engine.shapes import check, check_types
from gatewise.engine.step import NO_CLAMPS, CellStep, Clamps
from gatewise.engine.subnormal import flush_subnormals

History = dict[str, list[Tensor]]  # the values of each line at every step, [B, H], as nodes of the graph


class Reference:
    """The backend that runs every request, differentiable any number of times.

    clamps: fixed values of lines, see `CellStep`
    """

    name = "reference"

    def __init__(self, clamps: Clamps = NO_CLAMPS) -> None:
        self.clamps = clamps

    def refusal(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> LayerResult:
        if torch._C._get_tracing_state() is None:  # sizes in a trace are not numbers
            check(request)
            check_types(request)
        # A recorded graph must contain PyTorch's operations only.
        flushes = request.inputs.is_cpu and not torch.compiler.is_compiling()
        with flush_subnormals() if flushes else nullcontext():
            if request.cell.axes > 1:
                return over_lattice(request, self.clamps)
            return along(request, self.clamps)[0]


def along(request: Request, clamps: Clamps = NO_CLAMPS) -> tuple[LayerResult, History]:
    """A cell along sequences, step by step: the result, and the history in the order of computation."""
    running, inside = in_running_order(request)
    history, final = _steps(running, CellStep(running, clamps), inside)
    vectors = [name for name in history if name not in request.cell.matrix_states]
    stacked = {name: torch.stack(history[name]) for name in vectors}
    return in_given_order(request, stacked, final, inside), history


def _beside(rows: Tensor, values: Tensor) -> Tensor:
    """[B] for a state [B, H] or [B, H, K]."""
    return rows.view(-1, *[1] * (values.dim() - 1))


def _steps(request: Request, step: CellStep, inside: Tensor | None) -> tuple[History, dict[str, Tensor]]:
    """Steps through time. Returns: the history, and the final states."""
    cell, resets = request.cell, request.resets
    state = dict(request.state)
    recorded = dict.fromkeys([*cell.state, *cell.intermediates] if request.trace else cell.state[:1])
    history: History = {name: [] for name in recorded}
    for t, seen in enumerate(step.input_products(request.inputs)):
        if resets is not None:
            state = {name: value.masked_fill(_beside(resets[t], value), 0.0) for name, value in state.items()}
        lines = step(seen, state)
        for name in cell.state:
            if name in request.zoneout:
                stays = request.zoneout[name]
                stays = stays[t] if isinstance(stays, Tensor) else stays
                lines[name] = stays * state[name] + (1 - stays) * lines[name]
            if inside is not None:
                own = _beside(inside[t], lines[name])
                lines[name] = torch.where(own, lines[name], state.get(name, 0.0))
        state = {name: lines[name] for name in cell.previous}
        for name, values in history.items():
            values.append(lines[name])
    return history, {name: value.clone() for name, value in state.items()}  # may be modified in place
