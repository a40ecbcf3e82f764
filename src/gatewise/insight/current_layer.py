"""Which layer of a model is running, and the titles of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import nn

from gatewise.layers import GridLSTM, Lattice, Recurrent

GATEWISE_LAYERS = (Recurrent, Lattice, GridLSTM)


class LayerDirection(NamedTuple):
    """A layer and direction. module: its name in the model; layer: 0 for the lowest; see `directions`."""

    module: str
    layer: int
    direction: str


class CurrentLayer:
    """Tracks which layer and direction of a model the next request comes from."""

    def __init__(self) -> None:
        self._name, self._directions, self._requests = "", ["forward"], 0

    def enter(self, name: str, module: nn.Module) -> None:
        """Records that a module starts its forward pass."""
        self._name, self._directions, self._requests = name, directions(module), 0

    def next(self) -> LayerDirection:
        """The source of the next request: from the lowest layer up, the directions of each in turn."""
        layer, which = divmod(self._requests, len(self._directions))
        self._requests += 1
        return LayerDirection(self._name, layer, self._directions[which])


@contextmanager
def track_layers(model: nn.Module) -> Iterator[CurrentLayer]:
    """Tracks which recurrent module of a model is running."""
    current = CurrentLayer()

    def enter(name: str) -> Any:
        return lambda module, inputs: current.enter(name, module)

    handles = [
        one.register_forward_pre_hook(enter(name))
        for name, one in model.named_modules()
        if isinstance(one, (*GATEWISE_LAYERS, nn.RNNBase))
    ]
    try:
        yield current
    finally:
        for handle in handles:
            handle.remove()


def directions(module: nn.Module) -> list[str]:
    """ "forward" and "backward"; of a lattice its scan directions, such as "+-"."""
    if isinstance(module, Lattice | GridLSTM):
        return [
            "".join("+-"[reverse] for reverse in direction) or "+" for direction in module.scan_directions
        ]
    assert isinstance(module, Recurrent | nn.RNNBase)
    return ["forward", "backward"][: 1 + module.bidirectional]


def titles(layers: Sequence[LayerDirection], calls: Sequence[int] = ()) -> tuple[str, ...]:
    """A short unique title for each layer and direction; calls: the number of each call.

    >>> titles([LayerDirection("encoder", 0, "forward"), LayerDirection("encoder", 0, "backward")])
    ('layer 0, forward', 'layer 0, backward')
    """
    calls = calls or [0] * len(layers)
    modules = {one.module for one in layers}
    again = len({(one.module, call) for one, call in zip(layers, calls, strict=True)}) > len(modules)
    both = {one.direction for one in layers} not in ({"forward"}, {"+"})
    found = []
    for one, call in zip(layers, calls, strict=True):
        parts = [one.module] if len(modules) > 1 else []
        parts.append(f"layer {one.layer}")
        parts += [one.direction if one.direction.isalpha() else f"from {one.direction}"] if both else []
        parts += [f"call {call}"] if again else []
        found.append(", ".join(parts))
    return tuple(found)
