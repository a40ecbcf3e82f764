"""Where in a model something runs: its module, layer and direction; and what that is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import nn

from gatewise.layers import GridLSTM, Lattice, Recurrent

OURS = (Recurrent, Lattice, GridLSTM)


class Place(NamedTuple):
    """module: its name in the model; layer: 0 for the lowest; direction: see `directions`."""

    module: str
    layer: int
    direction: str


class CurrentLayer:
    """Tells a backend, request by request, which place of a model asks it."""

    def __init__(self) -> None:
        self._name, self._directions, self._asked = "", ["forward"], 0

    def entered(self, name: str, module: nn.Module) -> None:
        """A module begins to work."""
        self._name, self._directions, self._asked = name, directions(module), 0

    def next(self) -> Place:
        """The place that asks now: layers ask from the lowest up, and each for its directions in turn."""
        layer, which = divmod(self._asked, len(self._directions))
        self._asked += 1
        return Place(self._name, layer, self._directions[which])


@contextmanager
def following(model: nn.Module) -> Iterator[CurrentLayer]:
    """Within it, it is known which of a model's recurrent modules works."""
    found = CurrentLayer()

    def enter(name: str) -> Any:
        return lambda module, inputs: found.entered(name, module)

    handles = [
        one.register_forward_pre_hook(enter(name))
        for name, one in model.named_modules()
        if isinstance(one, (*OURS, nn.RNNBase))
    ]
    try:
        yield found
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


def titles(places: Sequence[Place], calls: Sequence[int] = ()) -> tuple[str, ...]:
    """A short name for each place, by what tells it from the others; calls: the number of each call.

    >>> titles([Place("encoder", 0, "forward"), Place("encoder", 0, "backward")])
    ('layer 0, forward', 'layer 0, backward')
    """
    calls = calls or [0] * len(places)
    modules = {one.module for one in places}
    again = len({(one.module, call) for one, call in zip(places, calls, strict=True)}) > len(modules)
    both = {one.direction for one in places} not in ({"forward"}, {"+"})
    found = []
    for one, call in zip(places, calls, strict=True):
        parts = [one.module] if len(modules) > 1 else []
        parts.append(f"layer {one.layer}")
        parts += [one.direction if one.direction.isalpha() else f"from {one.direction}"] if both else []
        parts += [f"call {call}"] if again else []
        found.append(", ".join(parts))
    return tuple(found)
