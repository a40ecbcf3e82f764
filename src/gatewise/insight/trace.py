"""Every state and gate of every recurrent layer of a model, while it does what it always does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gatewise.cells.base import CellType
from gatewise.engine.request import Trace
from gatewise.errors import GatewiseError
from gatewise.insight.current_layer import OURS, Place, directions
from gatewise.layers import GRU, LSTM, RNN, Recurrent

THEIRS: dict[type[nn.RNNBase], Callable[..., Recurrent]] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN}


@dataclass(frozen=True)
class LayerTrace:
    """One layer and direction, in one call of its module.

    module: its name in the model; call: 0 for the first call, as a decoder's cell may be called often
    layer: 0 for the lowest
    direction: "forward", "backward", or over a lattice its scan direction, such as "+-"
    states, values: by name, [B, T, H], or [B, L1, ..., LN, H] over a lattice; values are the cell's gates
    (`cell.gates`) and its other intermediate lines
    """

    module: str
    call: int
    layer: int
    direction: str
    cell: CellType
    states: Mapping[str, Tensor]
    values: Mapping[str, Tensor]

    @property
    def place(self) -> Place:
        """Where it runs."""
        return Place(self.module, self.layer, self.direction)

    @property
    def gates(self) -> dict[str, Tensor]:
        """Those of the values that lie in 0..1 and control what passes."""
        return {name: value for name, value in self.values.items() if name in self.cell.gates}

    def frame(self, example: int = 0) -> pl.DataFrame:
        """Tidy: a row for each step, name and unit, of one example of the batch."""
        named = {**{name: ("state", one) for name, one in self.states.items()}}
        for name, one in self.values.items():
            named[name] = ("gate" if name in self.cell.gates else "value", one)
        return pl.concat([self._rows(name, kind, one[example]) for name, (kind, one) in named.items()])

    def _rows(self, name: str, kind: str, values: Tensor) -> pl.DataFrame:
        places = np.indices(values.shape).reshape(values.dim(), -1)
        steps = ["step"] if values.dim() == 2 else [f"step{axis}" for axis in range(1, values.dim())]
        return pl.DataFrame(
            {
                **dict(zip(steps, places, strict=False)),
                "kind": [kind] * places.shape[1],
                "name": [name] * places.shape[1],
                "unit": places[-1],
                "value": values.detach().cpu().flatten().numpy(),
            }
        ).select(
            pl.lit(self.module).alias("module"),
            pl.lit(self.call).alias("call"),
            pl.lit(self.layer).alias("layer"),
            pl.lit(self.direction).alias("direction"),
            pl.all(),
        )


@dataclass(frozen=True)
class Traced:
    """What a model returned, and the traces of its recurrent layers in the order of their calls."""

    output: Any
    layers: tuple[LayerTrace, ...]

    def frame(self, example: int = 0) -> pl.DataFrame:
        """All layers as one tidy table: module, call, layer, direction, step, kind, name, unit, value.

        Raises: `GatewiseError` where layers over sequences and over lattices can't share a table.
        """
        frames = [one.frame(example) for one in self.layers]
        if len({tuple(one.columns) for one in frames}) > 1:
            raise GatewiseError("the model has layers of different axes; take the frame of each of .layers")
        return pl.concat(frames)


def trace(model: nn.Module, *inputs: Any, **options: Any) -> Traced:
    """Calls a model and looks on: every state and gate of every recurrent layer, at every step.

    model: any module that holds layers of gatewise, or `torch.nn.LSTM`, `GRU` or `RNN` (which are run a
    second time by our layer, with their weights); inputs, options: what the model is called with

    Raises: `GatewiseError` where the model has no recurrent layer.

    >>> import torch, gatewise
    >>> traced = trace(gatewise.LSTM(5, 8, bidirectional=True), torch.randn(10, 3, 5))
    >>> [one.direction for one in traced.layers], traced.layers[0].gates["f"].shape
    (['forward', 'backward'], torch.Size([3, 10, 8]))
    """
    with tracing(model) as layers:
        output = model(*inputs, **options)
    return Traced(output, tuple(layers))


@contextmanager
def tracing(model: nn.Module) -> Iterator[list[LayerTrace]]:
    """Collects the traces of all that happens inside; the model is as before afterwards."""
    traceable: tuple[type[nn.Module], ...] = (*OURS, *THEIRS)
    found = {name: one for name, one in model.named_modules() if isinstance(one, traceable)}
    if not found:
        raise GatewiseError(
            f"{type(model).__name__} holds no recurrent layer: "
            "neither one of gatewise, nor torch.nn.LSTM, GRU or RNN"
        )
    collected: list[LayerTrace] = []
    handles = []
    for name, module in found.items():
        watch = _Watch(name, collected)
        if isinstance(module, OURS):
            handles.append(module.register_forward_pre_hook(watch.ask, with_kwargs=True))
            handles.append(module.register_forward_hook(watch.take, with_kwargs=True))
        else:
            handles.append(module.register_forward_hook(watch.again(module), with_kwargs=True))
    try:
        yield collected
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def as_ours(model: nn.Module) -> Iterator[None]:
    """Within it, layers of `torch.nn` in a model are ours, with their weights, gradients included."""

    def instead(module: nn.Module, inputs: Any, options: dict[str, Any], result: Any) -> Any:
        return _ours(module, copied=False)(*inputs, **options)

    theirs: tuple[type[nn.Module], ...] = tuple(THEIRS)
    handles = [
        one.register_forward_hook(instead, with_kwargs=True)
        for one in model.modules()
        if isinstance(one, theirs)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Watch:
    """Looks on at one module."""

    def __init__(self, name: str, collected: list[LayerTrace]) -> None:
        self.name, self.collected, self.calls = name, collected, 0
        self.wanted: list[bool] = []

    def ask(self, module: nn.Module, inputs: Any, options: dict[str, Any]) -> Any:
        """Asks a layer of ours for its trace, whether the model wants it or not."""
        self.wanted.append(bool(options.get("trace")))
        return inputs, {**options, "trace": True}

    def take(self, module: nn.Module, inputs: Any, options: dict[str, Any], result: Any) -> Any:
        """Keeps the trace, and hands on what the model expects."""
        *rest, traces = result
        first = inputs[0] if inputs else options["input"]
        self._keep(module, traces, first)
        return result if self.wanted.pop() else tuple(rest)

    def again(self, module: nn.Module) -> Callable[..., None]:
        """Runs a layer of `torch.nn` once more, by ours."""

        def run(module: nn.Module, inputs: Any, options: dict[str, Any], result: Any) -> None:
            ours = _ours(module)
            _, _, traces = ours(*inputs, **options, trace=True)
            self._keep(ours, traces, inputs[0] if inputs else options["input"])

        return run

    def _keep(self, module: nn.Module, traces: list[Trace], given: Tensor | PackedSequence) -> None:
        sides = directions(module)
        for place, one in enumerate(traces):
            layer, which = divmod(place, len(sides))
            states, values = (_batch_first(module, given, named) for named in (one.states, one.gates))
            self.collected.append(
                LayerTrace(self.name, self.calls, layer, sides[which], module.cell, states, values)  # type: ignore[arg-type]
            )
        self.calls += 1


def _ours(module: nn.Module, copied: bool = True) -> Recurrent:
    """Our layer with the weights of one of `torch.nn`: copies of them, or the very same."""
    assert isinstance(module, nn.RNNBase)
    kind = next(kind for kind in THEIRS if isinstance(module, kind))
    more: dict[str, Any] = {"nonlinearity": module.nonlinearity} if kind is nn.RNN else {}
    more |= {"proj_size": module.proj_size} if module.proj_size else {}
    weight: Any = module.weight_hh_l0
    ours = THEIRS[kind](
        module.input_size, module.hidden_size, module.num_layers, bias=module.bias,
        batch_first=module.batch_first, bidirectional=module.bidirectional, device=weight.device,
        dtype=weight.dtype, **more,
    )  # fmt: skip
    if copied:
        ours.load_state_dict(module.state_dict())
    else:
        for name, value in module.named_parameters():
            setattr(ours, name, value)
    return ours.train(module.training)


def _batch_first(
    module: nn.Module, given: Tensor | PackedSequence, named: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    if not isinstance(module, Recurrent):
        return dict(named)
    if isinstance(given, PackedSequence):
        return {name: value.transpose(0, 1) for name, value in named.items()}
    if given.dim() == 2:
        return {name: value.unsqueeze(0) for name, value in named.items()}
    return {name: value if module.batch_first else value.transpose(0, 1) for name, value in named.items()}
