"""The gradient through time: how much of it is left the further back it goes."""

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
from gatewise.engine.request import Request, Result
from gatewise.errors import GatewiseError
from gatewise.insight.current_layer import CurrentLayer, Place, following, titles
from gatewise.insight.trace import as_ours

EXPLODED = 100.0  # times as large is more than clipping of single steps would hide


@dataclass(frozen=True)
class Flow:
    """The gradient of a loss along one layer and direction, backwards from the last step that it ran.

    title: what the layer and direction is called among those of the model
    norms: for each state [T]: by the lag, 0 at that last step, the norm of `dL/ds_{T-lag}` (Euclid's, over
    the units), as the mean over the rows of the batch that are so long
    carried: [T], the same of `v^T s_T` by all states together, for a v drawn once: what the layer itself
    makes of a gradient, wherever the loss looks
    """

    title: str
    cell: CellType
    norms: dict[str, Tensor]
    carried: Tensor

    @property
    def steps(self) -> int:
        """How many steps the layer ran."""
        return len(self.carried)

    @property
    def growth(self) -> tuple[float, int]:
        """How many times larger the layer makes a gradient, at most, and after how many steps back."""
        return float(self.carried.max() / self.carried[0]), int(self.carried.argmax())

    @property
    def explodes(self) -> bool:
        """Whether the layer makes a gradient a hundred times larger."""
        return self.growth[0] > EXPLODED

    def memory(self, state: str) -> int | None:
        """The lag at which the norm has fallen to 1/e of its largest and stays below; None if it has not."""
        norms = self.norms[state]
        above = (norms > norms.max() / math.e).nonzero()
        last = int(above[-1]) if len(above) else 0
        return last + 1 if last + 1 < len(norms) else None

    def sentence(self, state: str) -> str:
        """What the norms say, with the numbers."""
        norms, memory = self.norms[state], self.memory(state)
        who = f"{self.title}, {state} ({self.cell.__name__})"
        if not norms.isfinite().all():
            return f"{who}: the gradient is no number: look for the first loss or weight that is none"
        if not norms.any():
            return f"{who}: the gradient is zero everywhere"
        if int((norms > 0).sum()) < 2:
            return f"{who}: no gradient goes from step to step, as the loss looks at one step of it alone"
        if self.explodes:
            times, lag = self.growth
            return f"{who}: the gradient explodes, {times:,.0f} times larger {_steps(lag)} back"
        most = int(norms.argmax())
        where = f"is largest {_steps(most)} back, and " if most else ""
        share = float(norms[-1] / norms.max())
        left = f"{f'{share:.2g}' if share else 'nothing'} of it {_steps(len(norms) - 1)} back"
        if memory is None:
            return f"{who}: the gradient {where}reaches all steps, with {left}"
        return f"{who}: the gradient {where}falls to 1/e within {_steps(memory)}, to {left}"


def gradient_flow(model: nn.Module, loss: Callable[[], Tensor]) -> list[Flow]:
    """The norm of a loss's gradient by every state of every step, for each layer and direction.

    model: any module with layers of gatewise, or of `torch.nn`; loss: calls the model, and gives one number;
    for the gradient against the lag it should look at the last step only

    The gradient is that by the state itself, by all ways on which it acts: later steps, and layers above.

    Raises: `GatewiseError` where nothing in the model runs along sequences, or the loss does not reach it.

    >>> import torch, gatewise
    >>> layer, x = gatewise.LSTM(3, 4), torch.randn(9, 2, 3)
    >>> flow, = gradient_flow(layer, lambda: layer(x)[0][-1].square().sum())
    >>> flow.norms["c"].shape
    torch.Size([9])
    """
    with torch.enable_grad(), as_ours(model), following(model) as whereabouts:
        watching = _Watching(whereabouts)
        with backend(watching):
            value = loss()
    if not watching.seen:
        raise GatewiseError(f"nothing in {type(model).__name__} runs along a sequence")
    names = titles([place for place, _, _ in watching.seen])
    return [
        _flow(title, value, request, history)
        for title, (_, request, history) in zip(names, watching.seen, strict=True)
    ]


def _flow(title: str, value: Tensor, request: Request, history: History) -> Flow:
    names, steps = request.cell.state, len(history[request.cell.state[0]])
    states = [state for name in names for state in history[name]]
    gradients = torch.autograd.grad(value, states, retain_graph=True, allow_unused=True)
    if all(one is None for one in gradients):
        raise GatewiseError("the loss does not depend on the states; let it be made of the model's output")
    last = states[steps - 1 :: steps]
    random = torch.Generator().manual_seed(0)
    drawn = [torch.randn(one.shape[-1], generator=random).to(one).expand_as(one) for one in last]
    through = torch.autograd.grad(last, states, drawn, retain_graph=True, allow_unused=True)
    norms, carried = (
        _by_lag(torch.stack([_norms(one, states[0]) for one in found]).unflatten(0, (-1, steps)), request)
        for found in (gradients, through)
    )
    return Flow(title, request.cell, dict(zip(names, norms, strict=True)), carried.square().sum(0).sqrt())


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
    """[B, S, S]: how the states after one step depend on those before it, S being all their units together.

    layer: of gatewise, one layer in one direction; x: [1, B, I]; state: as the layer takes it, zeros if None

    Its singular values say what one step back does to a gradient (Pascanu, Mikolov and Bengio 2013):
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


class _Watching:
    """The reference, which keeps the states of every step as the graph holds them."""

    name = "watching"

    def __init__(self, whereabouts: CurrentLayer) -> None:
        self.whereabouts = whereabouts
        self.seen: list[tuple[Place, Request, History]] = []

    def refusal(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> Result:
        if request.cell.axes > 1:
            raise GatewiseError(f"{request.cell.__name__} runs over a lattice, which has no one lag")
        result, history = along(replace(request, trace=True))
        self.seen.append((self.whereabouts.next(), request, history))
        return result


def _by_lag(norms: Tensor, request: Request) -> Tensor:
    """[S, T, B] by step -> [S, T] by lag, counted from the last step of each row, padding left out."""
    steps, rows = norms.shape[1:]
    lengths = torch.full((rows,), steps) if request.lengths is None else request.lengths.cpu()
    places = lengths - 1 - torch.arange(steps)[:, None]  # [T, B], where each row is at each lag
    there = (places >= 0).to(norms.device)
    found = norms.gather(1, places.clamp(min=0).to(norms.device).expand_as(norms))
    return (found * there).sum(-1) / there.sum(-1).clamp(min=1)


def _steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"


def _norms(gradient: Tensor | None, like: Tensor) -> Tensor:
    """[B]"""
    return like.new_zeros(len(like)) if gradient is None else gradient.norm(dim=-1)
