"""Traces: every state and gate of every recurrent layer during a call of a model."""

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
from gatewise.insight.current_layer import GATEWISE_LAYERS, LayerDirection, directions
from gatewise.layers import GRU, LSTM, RNN, Recurrent

TORCH_LAYERS: dict[type[nn.RNNBase], Callable[..., Recurrent]] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN}


@dataclass(frozen=True)
class LayerTrace:
    """One layer and direction, in one call of its module.

    module: its name in the model; call: 0 for the first (a decoder's cell may be called many times)
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
    def source(self) -> LayerDirection:
        """Its layer and direction."""
        return LayerDirection(self.module, self.layer, self.direction)

    @property
    def gates(self) -> dict[str, Tensor]:
        """The values that are gates, in 0..1."""
        return {name: value for name, value in self.values.items() if name in self.cell.gates}

    def frame(self, example: int = 0) -> pl.DataFrame:
        """A tidy table of one example of the batch: a row for each step, name and unit."""
        named = {**{name: ("state", one) for name, one in self.states.items()}}
        for name, one in self.values.items():
            named[name] = ("gate" if name in self.cell.gates else "value", one)
        return pl.concat([self._rows(name, kind, one[example]) for name, (kind, one) in named.items()])

    def _rows(self, name: str, kind: str, values: Tensor) -> pl.DataFrame:
        indices = np.indices(values.shape).reshape(values.dim(), -1)
        steps = ["step"] if values.dim() == 2 else [f"step{axis}" for axis in range(1, values.dim())]
        return pl.DataFrame(
            {
                **dict(zip(steps, indices, strict=False)),
                "kind": [kind] * indices.shape[1],
                "name": [name] * indices.shape[1],
                "unit": indices[-1],
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
class ModelTrace:
    """The output of a model, and the traces of its recurrent layers in the order of their calls."""

    output: Any
    layers: tuple[LayerTrace, ...]

    def frame(self, example: int = 0) -> pl.DataFrame:
        """All layers as one tidy table: module, call, layer, direction, step, kind, name, unit, value.

        Raises: `GatewiseError` if the model has layers over sequences and over lattices.
        """
        frames = [one.frame(example) for one in self.layers]
        if len({tuple(one.columns) for one in frames}) > 1:
            raise GatewiseError("the model has layers of different axes; take the frame of each of .layers")
        return pl.concat(frames)


def trace(model: nn.Module, *inputs: Any, **options: Any) -> ModelTrace:
    """Calls a model and records every state and gate of every recurrent layer, at every step.

    model: any module with layers of gatewise, or with `torch.nn.LSTM`, `GRU` or `RNN` (for which the layer of
        gatewise runs a second time, with their weights)
    inputs, options: arguments of the model

    Raises: `GatewiseError` if the model has no recurrent layer.

    >>> import torch, gatewise
    >>> traced = trace(gatewise.LSTM(5, 8, bidirectional=True), torch.randn(10, 3, 5))
    >>> [one.direction for one in traced.layers], traced.layers[0].gates["f"].shape
    (['forward', 'backward'], torch.Size([3, 10, 8]))
    """
    with tracing(model) as layers:
        output = model(*inputs, **options)
    return ModelTrace(output, tuple(layers))


@contextmanager
def tracing(model: nn.Module) -> Iterator[list[LayerTrace]]:
    """Collects the traces of all calls within the context; the model is unchanged afterwards."""
    traceable: tuple[type[nn.Module], ...] = (*GATEWISE_LAYERS, *TORCH_LAYERS)
    found = {name: one for name, one in model.named_modules() if isinstance(one, traceable)}
    if not found:
        raise GatewiseError(
            f"{type(model).__name__} has no recurrent layer: "
            "neither one of gatewise, nor torch.nn.LSTM, GRU or RNN"
        )
    collected: list[LayerTrace] = []
    handles = []
    for name, module in found.items():
        recorder = _Recorder(name, collected)
        if isinstance(module, GATEWISE_LAYERS):
            handles.append(module.register_forward_pre_hook(recorder.request_trace, with_kwargs=True))
            handles.append(module.register_forward_hook(recorder.take_trace, with_kwargs=True))
        else:
            handles.append(module.register_forward_hook(recorder.rerun, with_kwargs=True))
    try:
        yield collected
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def as_gatewise_layers(model: nn.Module) -> Iterator[None]:
    """Replaces layers of `torch.nn` in a model by gatewise layers that share their weights."""

    def instead(module: nn.Module, inputs: Any, options: dict[str, Any], result: Any) -> Any:
        return _gatewise_layer(module, copied=False)(*inputs, **options)

    replaced: tuple[type[nn.Module], ...] = tuple(TORCH_LAYERS)
    handles = [
        one.register_forward_hook(instead, with_kwargs=True)
        for one in model.modules()
        if isinstance(one, replaced)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Recorder:
    """Records the traces of one module."""

    def __init__(self, name: str, collected: list[LayerTrace]) -> None:
        self.name, self.collected, self.calls = name, collected, 0
        self.requested: list[bool] = []

    def request_trace(self, module: nn.Module, inputs: Any, options: dict[str, Any]) -> Any:
        """Makes a layer of gatewise return its trace."""
        self.requested.append(bool(options.get("trace")))
        return inputs, {**options, "trace": True}

    def take_trace(self, module: nn.Module, inputs: Any, options: dict[str, Any], result: Any) -> Any:
        """Stores the trace, and returns the output that the model expects."""
        *rest, traces = result
        first = inputs[0] if inputs else options["input"]
        self._store(module, traces, first)
        return result if self.requested.pop() else tuple(rest)

    def rerun(self, module: nn.Module, inputs: Any, options: dict[str, Any], result: Any) -> None:
        """Runs the gatewise layer with the weights of a layer of `torch.nn`, for its trace."""
        layer = _gatewise_layer(module)
        _, _, traces = layer(*inputs, **options, trace=True)
        self._store(layer, traces, inputs[0] if inputs else options["input"])

    def _store(self, module: nn.Module, traces: list[Trace], given: Tensor | PackedSequence) -> None:
        sides = directions(module)
        for number, one in enumerate(traces):
            layer, which = divmod(number, len(sides))
            states, values = (_batch_first(module, given, named) for named in (one.states, one.gates))
            self.collected.append(
                LayerTrace(self.name, self.calls, layer, sides[which], module.cell, states, values)  # type: ignore[arg-type]
            )
        self.calls += 1


def _gatewise_layer(module: nn.Module, copied: bool = True) -> Recurrent:
    """The layer of gatewise with the weights of one of `torch.nn`, copied or shared."""
    assert isinstance(module, nn.RNNBase)
    kind = next(kind for kind in TORCH_LAYERS if isinstance(module, kind))
    more: dict[str, Any] = {"nonlinearity": module.nonlinearity} if kind is nn.RNN else {}
    more |= {"proj_size": module.proj_size} if module.proj_size else {}
    weight: Any = module.weight_hh_l0
    layer = TORCH_LAYERS[kind](
        module.input_size,
        module.hidden_size,
        module.num_layers,
        bias=module.bias,
        batch_first=module.batch_first,
        bidirectional=module.bidirectional,
        device=weight.device,
        dtype=weight.dtype,
        **more,
    )
    if copied:
        layer.load_state_dict(module.state_dict())
    else:
        for name, value in module.named_parameters():
            setattr(layer, name, value)
    return layer.train(module.training)


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
