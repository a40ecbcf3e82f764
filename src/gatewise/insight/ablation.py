"""Ablation: the loss of a model with one gate clamped to 1, to 0 or to its mean, or one unit constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import polars as pl
import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.engine.choice import backend, default_backend
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.step import NO_CLAMPS, Clamps
from gatewise.errors import GatewiseError
from gatewise.insight.current_layer import CurrentLayer, LayerDirection, titles, track_layers
from gatewise.insight.trace import as_gatewise_layers

Key = int  # the address of a parameter of a layer and direction
Show = Callable[[float, str], None]


@dataclass
class Means:
    """The mean of every gate and state of one layer and direction, [H], over all steps of all examples."""

    layer: LayerDirection
    cell: CellType
    projected: bool
    total: dict[str, Tensor]
    count: int = 0

    def of(self, name: str) -> Tensor:
        """The mean of a gate or state, [H]."""
        return self.total[name] / self.count


def ablate_gates(model: nn.Module, loss: Callable[[], Tensor], show: Show | None = None) -> pl.DataFrame:
    """The loss of a model with one gate of one layer clamped at every step and in every unit.

    model: any module with layers of gatewise or of `torch.nn`
    loss: calls the model on some data and returns a scalar
    show: is called before each ablation with the fraction done and a description of the ablation

    Returns: a row for each layer and direction (by its title), gate and `value`: "1", "0" or "mean" (each
    unit at its own mean over the data). `loss` is the loss with the gate clamped, `change` its difference
    from the loss of the unchanged model; the largest change first.

    Greff et al. (2015) remove gates before training; this clamps the gates of a trained model. Layers that
    share parameters are clamped together.

    Raises: `GatewiseError` if the model has no recurrent layer, or no layer with gates.

    >>> import torch, gatewise
    >>> layer, x = gatewise.GRU(3, 4), torch.randn(9, 2, 3)
    >>> ablate_gates(layer, lambda: layer(x)[0][-1].square().mean()).columns
    ['layer', 'cell', 'gate', 'value', 'loss', 'change']
    """
    with torch.no_grad(), as_gatewise_layers(model):
        before, means = _measured(model, loss)
        plans = [
            (key, own, gate, value)
            for key, own in means.items()
            for gate in own.cell.gates
            for value in ("1", "0", "mean")
        ]
        if not plans:
            cells = " and ".join(dict.fromkeys(own.cell.__name__ for own in means.values()))
            raise GatewiseError(f"{cells} has no gates to clamp; ablate its units instead (--units)")
        rows, names = [], _named(means)
        for number, (key, own, gate, value) in enumerate(plans):
            if show is not None:
                show(number / len(plans), f"{names[key]}, {gate} at {value}")
            clamp = own.of(gate) if value == "mean" else float(value)
            after = _clamped_loss(loss, key, {gate: clamp})
            rows.append((names[key], own.cell.__name__, gate, value, after, after - before))
    columns = ["layer", "cell", "gate", "value", "loss", "change"]
    return pl.DataFrame(rows, columns, orient="row").sort("change", descending=True)


def ablate_units(model: nn.Module, loss: Callable[[], Tensor], show: Show | None = None) -> pl.DataFrame:
    """The loss of a model with the hidden state of one unit clamped to its mean, for each unit of each layer.

    The arguments are those of `ablate_gates`.

    Returns: a row for each unit: `layer`, `cell`, `unit`, `loss`, `change`; the largest change first.

    Raises: `GatewiseError` if the model has no recurrent layer, or one with a projection.
    """
    with torch.no_grad(), as_gatewise_layers(model):
        before, means = _measured(model, loss)
        names = _named(means)
        for key, own in means.items():
            if own.projected:
                raise GatewiseError(
                    f"{names[key]} is projected: its output mixes its units, so none can be ablated alone; "
                    "ablate gates instead"
                )
        plans = [(key, own, unit) for key, own in means.items() for unit in range(_width(own))]
        rows = []
        for number, (key, own, unit) in enumerate(plans):
            if show is not None:
                show(number / len(plans), f"{names[key]}, unit {unit}")
            output = own.cell.state[0]
            clamp = torch.full_like(own.of(output), torch.nan)
            clamp[unit] = own.of(output)[unit]
            after = _clamped_loss(loss, key, {output: clamp})
            rows.append((names[key], own.cell.__name__, unit, after, after - before))
    columns = ["layer", "cell", "unit", "loss", "change"]
    return pl.DataFrame(rows, columns, orient="row").sort("change", descending=True)


def _named(means: Mapping[Key, Means]) -> dict[Key, str]:
    return dict(zip(means, titles([own.layer for own in means.values()]), strict=True))


def _width(means: Means) -> int:
    return len(means.of(means.cell.state[0]))


def _measured(model: nn.Module, loss: Callable[[], Tensor]) -> tuple[float, dict[Key, Means]]:
    """The loss of the unchanged model, and the means of all gates and states."""
    with track_layers(model) as current:
        clamp = _Clamp(current=current)
        with backend(clamp):
            value = float(loss())
    if not clamp.means:
        raise GatewiseError(f"{type(model).__name__} has no recurrent layer")
    return value, clamp.means


def _clamped_loss(loss: Callable[[], Tensor], key: Key, clamps: Clamps) -> float:
    with backend(_Clamp(key, clamps)):
        return float(loss())


class _Clamp:
    """Clamps gates or states of one layer and direction; without a target, it measures means."""

    name = "ablation"

    def __init__(
        self, target: Key | None = None, clamps: Clamps = NO_CLAMPS, current: CurrentLayer | None = None
    ) -> None:
        self.target, self.clamps, self.current = target, clamps, current or CurrentLayer()
        self.means: dict[Key, Means] = {}

    def refusal(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> LayerResult:
        key = _key(request)
        if self.target is not None:
            chosen = Reference(self.clamps) if key == self.target else default_backend(request)
            return chosen.run(request)
        traced = request if request.trace else replace(request, trace=True)
        result = default_backend(traced).run(traced)
        self._add(key, request, result)
        return result

    def _add(self, key: Key, request: Request, result: LayerResult) -> None:
        assert result.trace is not None
        named = {**result.trace.gates, **result.trace.states}
        steps = next(iter(named.values()))
        inside, layer = _inside(request, steps), self.current.next()
        sums = {name: value[inside].sum(0) for name, value in named.items()}
        own = self.means.setdefault(
            key,
            Means(
                layer,
                request.cell,
                "projection" in request.parameters,
                {name: torch.zeros_like(one) for name, one in sums.items()},
            ),
        )
        own.count += int(inside.sum())
        own.total = {name: own.total[name] + one for name, one in sums.items()}


def _key(request: Request) -> Key:
    """The address of the first parameter that is not computed from others in each call."""
    given = list(request.parameters.values())
    return next((one for one in given if isinstance(one, nn.Parameter)), given[0]).data_ptr()


def _inside(request: Request, steps: Tensor) -> Tensor:
    """[L, B] bool: the steps that are not padding."""
    inside = torch.ones(steps.shape[:-1], dtype=torch.bool, device=steps.device)
    if request.lengths is None:
        return inside
    lengths = request.lengths if request.lengths.dim() == 2 else request.lengths[:, None]
    for axis, size in enumerate(steps.shape[:-2]):
        positions = torch.arange(size, device=steps.device)
        here = positions[:, None] < lengths[:, axis]
        shape = [1] * (steps.dim() - 1)
        shape[axis], shape[-1] = size, steps.shape[-2]
        inside &= here.view(shape)
    return inside
