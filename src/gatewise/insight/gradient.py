"""The gradient through time: its norm against the lag."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.engine.choice import backend
from gatewise.engine.reference import History, along
from gatewise.engine.request import LayerResult, Request
from gatewise.errors import GatewiseError
from gatewise.insight.current_layer import CurrentLayer, LayerDirection, titles, track_layers
from gatewise.insight.trace import as_gatewise_layers

EXPLODED = 100.0  # a growth beyond what clipping a single step would hide


@dataclass(frozen=True)
class Flow:
    """The gradient of a loss along one layer and direction, backwards from its last step.

    title: of the layer and direction among those of the model
    norms: for each state [T]: the Euclidean norm of `dL/ds_{T-lag}` over the units against the lag, 0 at the
        last step, as the mean over the rows of the batch that are long enough
    propagated: [T], the norm of the gradient of `v^T s_T` with respect to all states together, for a random
        v: the growth of a gradient within the layer, whatever steps the loss depends on
    """

    title: str
    cell: CellType
    norms: dict[str, Tensor]
    propagated: Tensor

    @property
    def steps(self) -> int:
        """The number of steps of the layer."""
        return len(self.propagated)

    @property
    def growth(self) -> tuple[float, int]:
        """The largest factor by which the layer scales a gradient, and the lag at which it does."""
        return float(self.propagated.max() / self.propagated[0]), int(self.propagated.argmax())

    @property
    def explodes(self) -> bool:
        """Whether the layer scales a gradient by more than 100."""
        return self.growth[0] > EXPLODED

    def memory(self, state: str) -> int | None:
        """The lag from which on the norm is below 1/e of its maximum; None if there is none."""
        norms = self.norms[state]
        above = (norms > norms.max() / math.e).nonzero()
        last = int(above[-1]) if len(above) else 0
        return last + 1 if last + 1 < len(norms) else None

    def sentence(self, state: str) -> str:
        """An interpretation of the norms, with numbers."""
        norms, memory = self.norms[state], self.memory(state)
        layer = f"{self.title}, {state} ({self.cell.__name__})"
        if not norms.isfinite().all():
            return f"{layer}: the gradient is not finite; look for the first such loss or weight"
        if not norms.any():
            return f"{layer}: the gradient is zero everywhere"
        if int((norms > 0).sum()) < 2:
            return f"{layer}: no gradient flows from step to step, as the loss depends on a single step of it"
        if self.explodes:
            times, lag = self.growth
            return f"{layer}: the gradient explodes, {times:,.0f} times larger {_steps(lag)} back"
        peak = int(norms.argmax())
        where = f"is largest {_steps(peak)} back, and " if peak else ""
        fraction = float(norms[-1] / norms.max())
        left = f"{f'{fraction:.2g}' if fraction else 'nothing'} of it {_steps(len(norms) - 1)} back"
        if memory is None:
            return f"{layer}: the gradient {where}reaches all steps, with {left}"
        return f"{layer}: the gradient {where}falls to 1/e within {_steps(memory)}, to {left}"


def gradient_flow(model: nn.Module, loss: Callable[[], Tensor]) -> list[Flow]:
    """The norm of a loss's gradient with respect to every state at every step, for each layer and direction.

    model: any module with layers of gatewise, or of `torch.nn`
    loss: calls the model and returns a scalar; it should depend on the last step only

    The gradient includes every path from the state to the loss: later steps and the layers above.

    Raises: `GatewiseError` if no layer of the model runs along sequences, or the loss does not depend on one.

    >>> import torch, gatewise
    >>> layer, x = gatewise.LSTM(3, 4), torch.randn(9, 2, 3)
    >>> flow, = gradient_flow(layer, lambda: layer(x)[0][-1].square().sum())
    >>> flow.norms["c"].shape
    torch.Size([9])
    """
    with torch.enable_grad(), as_gatewise_layers(model), track_layers(model) as current:
        recorder = _Recorder(current)
        with backend(recorder):
            value = loss()
    if not recorder.records:
        raise GatewiseError(f"{type(model).__name__} has no layer that runs along a sequence")
    names = titles([layer for layer, _, _ in recorder.records])
    return [
        _flow(title, value, request, history)
        for title, (_, request, history) in zip(names, recorder.records, strict=True)
    ]


def _flow(title: str, value: Tensor, request: Request, history: History) -> Flow:
    names, steps = request.cell.state, len(history[request.cell.state[0]])
    states = [state for name in names for state in history[name]]
    gradients = torch.autograd.grad(value, states, retain_graph=True, allow_unused=True)
    if all(one is None for one in gradients):
        raise GatewiseError("the loss does not depend on the states; compute it from the model's output")
    last = states[steps - 1 :: steps]
    random = torch.Generator().manual_seed(0)
    drawn = [torch.randn(one.shape[-1], generator=random).to(one).expand_as(one) for one in last]
    through = torch.autograd.grad(last, states, drawn, retain_graph=True, allow_unused=True)
    norms, propagated = (
        _by_lag(torch.stack([_norms(one, states[0]) for one in found]).unflatten(0, (-1, steps)), request)
        for found in (gradients, through)
    )
    return Flow(title, request.cell, dict(zip(names, norms, strict=True)), propagated.square().sum(0).sqrt())


def flow_table(flows: list[Flow]) -> pl.DataFrame:
    """A row for each layer, state and lag: `layer` (its title), `cell`, `state`, `lag`, `norm`."""
    rows = [
        (flow.title, flow.cell.__name__, state, lag, norm)
        for flow in flows
        for state, norms in flow.norms.items()
        for lag, norm in enumerate(norms.tolist())
    ]
    kinds = {"layer": pl.String, "cell": pl.String, "state": pl.String, "lag": pl.Int64, "norm": pl.Float64}
    return pl.DataFrame(rows, kinds, orient="row")


def step_jacobian(layer: nn.Module, x: Tensor, state: Any = None) -> Tensor:
    """The Jacobian [B, S, S] of all states after one step by all states before it, S units in total.

    layer: of gatewise, one layer in one direction; x: [1, B, I]; state: as the layer takes it, zeros if None

    Its singular values bound the growth of a gradient per step (Pascanu, Mikolov and Bengio 2013):
    `torch.linalg.svdvals(step_jacobian(...))`.

    >>> import torch, gatewise
    >>> step_jacobian(gatewise.LSTM(3, 4), torch.randn(1, 2, 3)).shape
    torch.Size([2, 8, 8])
    """
    if state is None:
        with torch.no_grad():
            _, state = layer(x)
        state = (state,) if isinstance(state, Tensor) else state
        state = tuple(torch.zeros_like(one) for one in state)
    given = (state,) if isinstance(state, Tensor) else tuple(state)
    before = torch.cat([one.detach() for one in given], dim=-1).requires_grad_()  # [1, B, S]
    widths = [one.shape[-1] for one in given]
    with torch.enable_grad(), backend("reference"):
        parts = before.split(widths, dim=-1)
        _, after = layer(x, parts if len(parts) > 1 else parts[0])
        after = torch.cat([after] if isinstance(after, Tensor) else list(after), dim=-1)
    rows = [
        torch.autograd.grad(after[..., unit].sum(), before, retain_graph=True)[0][0]
        for unit in range(after.shape[-1])
    ]
    return torch.stack(rows, dim=1)


class _Recorder:
    """The reference backend, which also records the states of every step as nodes of the graph."""

    name = "recording"

    def __init__(self, current: CurrentLayer) -> None:
        self.current = current
        self.records: list[tuple[LayerDirection, Request, History]] = []

    def refusal(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> LayerResult:
        if request.cell.axes > 1:
            raise GatewiseError(f"{request.cell.__name__} runs over a lattice, which has no single lag")
        result, history = along(replace(request, trace=True))
        self.records.append((self.current.next(), request, history))
        return result


def _by_lag(norms: Tensor, request: Request) -> Tensor:
    """[S, T, B] by step -> [S, T] by lag, counted from the last step of each row, without padding."""
    steps, rows = norms.shape[1:]
    lengths = torch.full((rows,), steps) if request.lengths is None else request.lengths.cpu()
    indices = lengths - 1 - torch.arange(steps)[:, None]  # [T, B], the step of each row at each lag
    valid = (indices >= 0).to(norms.device)
    found = norms.gather(1, indices.clamp(min=0).to(norms.device).expand_as(norms))
    return (found * valid).sum(-1) / valid.sum(-1).clamp(min=1)


def _steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"


def _norms(gradient: Tensor | None, like: Tensor) -> Tensor:
    """[B]"""
    return like.new_zeros(len(like)) if gradient is None else gradient.flatten(1).norm(dim=-1)
