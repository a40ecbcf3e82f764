"""Surgery: what a model loses when a gate is held open, shut or at its mean, or a unit is silenced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import polars as pl
import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.engine.choice import backend, usual
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request, Result
from gatewise.engine.step import NOTHING, Held
from gatewise.errors import GatewiseError
from gatewise.insight.current_layer import CurrentLayer, Place, following, titles
from gatewise.insight.trace import as_ours

Key = int  # where the first parameter of a layer and direction lies
Show = Callable[[float, str], None]


@dataclass
class Means:
    """Of one layer and direction: the mean of every gate and state, [H], over all that it ran on."""

    place: Place
    cell: CellType
    projected: bool
    total: dict[str, Tensor]
    count: int = 0

    def of(self, name: str) -> Tensor:
        """The mean of a line, for each unit."""
        return self.total[name] / self.count


def gate_surgery(model: nn.Module, loss: Callable[[], Tensor], show: Show | None = None) -> pl.DataFrame:
    """What the loss becomes when one gate of one layer is held, at every step and in every unit.

    model: any module with layers of gatewise, or of `torch.nn`; loss: calls the model on data that it knows
    or does not know, and gives one number; show: is told the share done and what comes next

    A row for each layer and direction (by its title), gate and how it is `held`, "open" (1), "shut" (0) or
    "mean" (each unit at its own mean over the data): `loss`, and its `change` to the loss of the model as it
    is; the worst first. What holding costs is what the gate's changing is worth (Greff et al. 2015, on a
    trained model). Layers that share their weights are held together.

    Errors: `GatewiseError` where the model has no recurrent layer, or none with gates.

    >>> import torch, gatewise
    >>> layer, x = gatewise.GRU(3, 4), torch.randn(9, 2, 3)
    >>> gate_surgery(layer, lambda: layer(x)[0][-1].square().mean()).columns
    ['layer', 'cell', 'gate', 'held', 'loss', 'change']
    """
    with torch.no_grad(), as_ours(model):
        before, means = _measured(model, loss)
        plans = [
            (key, own, gate, how)
            for key, own in means.items()
            for gate in own.cell.gates
            for how in ("open", "shut", "mean")
        ]
        if not plans:
            cells = " and ".join(dict.fromkeys(own.cell.__name__ for own in means.values()))
            raise GatewiseError(f"{cells} has no gates to hold; silence its units instead (--units)")
        rows, names = [], _named(means)
        for number, (key, own, gate, how) in enumerate(plans):
            if show is not None:
                show(number / len(plans), f"{names[key]}, {gate} {how}")
            value = own.of(gate) if how == "mean" else float(how == "open")
            after = _with_held(loss, key, {gate: value})
            rows.append((names[key], own.cell.__name__, gate, how, after, after - before))
    columns = ["layer", "cell", "gate", "held", "loss", "change"]
    return pl.DataFrame(rows, columns, orient="row").sort("change", descending=True)


def unit_surgery(model: nn.Module, loss: Callable[[], Tensor], show: Show | None = None) -> pl.DataFrame:
    """What the loss becomes when one unit's hidden stays at its mean, for each unit of each layer.

    A row for each: `layer`, `cell`, `unit`, `loss`, `change`; the most important unit first. See
    `gate_surgery`.

    Errors: `GatewiseError` where the model has no recurrent layer, or one that is projected.
    """
    with torch.no_grad(), as_ours(model):
        before, means = _measured(model, loss)
        names = _named(means)
        for key, own in means.items():
            if own.projected:
                raise GatewiseError(
                    f"{names[key]} is projected: what it shows mixes its units, and none can be silenced "
                    "alone; hold gates instead"
                )
        plans = [(key, own, unit) for key, own in means.items() for unit in range(_width(own))]
        rows = []
        for number, (key, own, unit) in enumerate(plans):
            if show is not None:
                show(number / len(plans), f"{names[key]}, unit {unit}")
            output = own.cell.state[0]
            held = torch.full_like(own.of(output), torch.nan)
            held[unit] = own.of(output)[unit]
            after = _with_held(loss, key, {output: held})
            rows.append((names[key], own.cell.__name__, unit, after, after - before))
    columns = ["layer", "cell", "unit", "loss", "change"]
    return pl.DataFrame(rows, columns, orient="row").sort("change", descending=True)


def _named(means: Mapping[Key, Means]) -> dict[Key, str]:
    return dict(zip(means, titles([own.place for own in means.values()]), strict=True))


def _width(means: Means) -> int:
    return len(means.of(means.cell.state[0]))


def _measured(model: nn.Module, loss: Callable[[], Tensor]) -> tuple[float, dict[Key, Means]]:
    """The loss of the model as it is, and the means of all gates and states."""
    with following(model) as whereabouts:
        surgeon = _Surgeon(whereabouts=whereabouts)
        with backend(surgeon):
            value = float(loss())
    if not surgeon.means:
        raise GatewiseError(f"nothing in {type(model).__name__} is a recurrent layer")
    return value, surgeon.means


def _with_held(loss: Callable[[], Tensor], key: Key, held: Held) -> float:
    with backend(_Surgeon(key, held)):
        return float(loss())


class _Surgeon:
    """Holds lines of one layer and direction; without a patient it looks at all of them."""

    name = "surgery"

    def __init__(
        self, patient: Key | None = None, held: Held = NOTHING, whereabouts: CurrentLayer | None = None
    ) -> None:
        self.patient, self.held, self.whereabouts = patient, held, whereabouts or CurrentLayer()
        self.means: dict[Key, Means] = {}

    def refusal(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> Result:
        key = next(iter(request.parameters.values())).data_ptr()
        if self.patient is not None:
            chosen = Reference(self.held) if key == self.patient else usual(request)
            return chosen.run(request)
        asked = request if request.trace else replace(request, trace=True)
        result = usual(asked).run(asked)
        self._look(key, request, result)
        return result

    def _look(self, key: Key, request: Request, result: Result) -> None:
        assert result.trace is not None
        named = {**result.trace.gates, **result.trace.states}
        steps = next(iter(named.values()))
        inside, place = _inside(request, steps), self.whereabouts.next()
        sums = {name: value[inside].sum(0) for name, value in named.items()}
        own = self.means.setdefault(
            key,
            Means(
                place, request.cell, "projection" in request.parameters,
                {name: torch.zeros_like(one) for name, one in sums.items()},
            ),
        )  # fmt: skip
        own.count += int(inside.sum())
        own.total = {name: own.total[name] + one for name, one in sums.items()}


def _inside(request: Request, steps: Tensor) -> Tensor:
    """[L, B] bool: the steps that are not padding."""
    inside = torch.ones(steps.shape[:-1], dtype=torch.bool, device=steps.device)
    if request.lengths is None:
        return inside
    lengths = request.lengths if request.lengths.dim() == 2 else request.lengths[:, None]
    for axis, size in enumerate(steps.shape[:-2]):
        place = torch.arange(size, device=steps.device)
        here = place[:, None] < lengths[:, axis]
        shape = [1] * (steps.dim() - 1)
        shape[axis], shape[-1] = size, steps.shape[-2]
        inside &= here.view(shape)
    return inside
