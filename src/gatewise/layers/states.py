"""The states of a stack of layers, in the form that users pass and receive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError
from gatewise.layers.checks import check_state

State = Any  # a tensor for a cell with one state, else a tuple of them in the cell's order


def detach(state: State) -> State:
    """The same state, detached from the graph, for the next call.

    This is truncated backpropagation through time: the values continue, the gradient stops.

    >>> import torch, gatewise
    >>> layer, state = gatewise.LSTM(3, 4), None
    >>> for part in torch.randn(30, 2, 3).split(10):
    ...     output, state = layer(part, state)
    ...     output.sum().backward()
    ...     state = gatewise.detach(state)
    """
    if state is None or isinstance(state, Tensor):
        return None if state is None else state.detach()
    return tuple(detach(one) for one in state)


def state_shapes(cell: CellType, hidden: int, output: int, heads: int) -> dict[str, tuple[int, ...]]:
    """The shape of each state of a row: (H,), that of the output (P,), that of a matrix (H, K)."""
    return {
        name: (hidden, hidden // heads) if name in cell.matrix_states else (hidden if number else output,)
        for number, name in enumerate(cell.state)
    }


@dataclass(frozen=True)
class StateForm:
    """The states of a stack.

    shapes: of each state of a row, for each layer and direction: (H,), or (H, K) for a matrix
    batch_first: whether a tensor of states has the batch before the layers
    common_shapes: of each state, None if layers differ
    """

    cell: CellType
    shapes: tuple[dict[str, tuple[int, ...]], ...]
    batch_first: bool = False
    common_shapes: dict[str, tuple[int, ...] | None] = field(init=False)

    def __post_init__(self) -> None:
        found = {name: {own[name] for own in self.shapes} for name in self.cell.state}
        common = {name: shapes.pop() if len(shapes) == 1 else None for name, shapes in found.items()}
        object.__setattr__(self, "common_shapes", common)

    def read(self, given: State | None, like: Tensor, batch: int, batched: bool) -> list[dict[str, Tensor]]:
        """The given states (or zeros), for each layer and direction by name, [B, H] or [B, H, K]."""
        if given is None:
            shapes = {shape for own in self.shapes for shape in own.values()}
            zeros = {shape: like.new_zeros(batch, *shape) for shape in shapes}
            return [{name: zeros[shape] for name, shape in own.items()} for own in self.shapes]
        names = self.cell.state
        values = (given,) if len(names) == 1 else given
        if not isinstance(values, tuple | list) or len(values) != len(names):
            raise GatewiseError(f"expected the state as a tuple ({', '.join(names)}), got {describe(given)}")
        rows = {
            name: self._rows(name, value, like, batch, batched)
            for name, value in zip(names, values, strict=True)
        }
        return [{name: rows[name][number] for name in names} for number in range(len(self.shapes))]

    def _rows(self, name: str, given: Any, like: Tensor, batch: int, batched: bool) -> Sequence[Tensor]:
        if isinstance(given, Tensor):
            return self._unbound(name, given, like, batch, batched)
        shapes = [one[name] for one in self.shapes]
        if not isinstance(given, tuple | list) or not all(isinstance(one, Tensor) for one in given):
            raise GatewiseError(f"expected state {name} as a tensor, got {describe(given)}")
        if len(given) != len(shapes):
            raise GatewiseError(f"expected state {name} as {len(shapes)} tensors, got {len(given)}")
        for shape, one in zip(shapes, given, strict=True):
            expected = (batch, *shape) if batched else shape
            if one.shape != expected:
                raise GatewiseError(f"expected state {name} of shape {list(expected)}, got {list(one.shape)}")
            check_state(name, one, like)
        given = given if batched else [one.unsqueeze(0) for one in given]
        return [one if one.dtype == like.dtype else one.to(like.dtype) for one in given]

    def _unbound(self, name: str, given: Tensor, like: Tensor, batch: int, batched: bool) -> Sequence[Tensor]:
        """The rows of one tensor, a layer and direction each."""
        own, places = self.common_shapes[name], len(self.shapes)
        first = batched and self.batch_first
        sizes = (batch, places) if first else (places, batch) if batched else (places,)
        if own is None or given.shape != (*sizes, *own):
            shape = f"a tuple of {places} tensors" if own is None else f"{[*sizes, *own]}"
            raise GatewiseError(f"expected state {name} of shape {shape}, got {list(given.shape)}")
        check_state(name, given, like)
        given = given if given.dtype == like.dtype else given.to(like.dtype)
        if places == 1:
            return (given.view(batch, *own),)
        rows = given.unbind(1 if first else 0)  # iteration over a tensor is slower
        return rows if batched else [one.unsqueeze(0) for one in rows]

    def write(self, states: list[dict[str, Tensor]], batched: bool) -> State:
        """Each state as [layers * directions, B, H], or a tuple of [B, H] if widths differ."""
        values: list[State] = []
        for name in self.cell.state:
            rows = [one[name] if batched else one[name].squeeze(0) for one in states]
            axis = 1 if batched and self.batch_first else 0
            if len(rows) == 1:
                values.append(rows[0].unsqueeze(axis))
            elif self.common_shapes[name] is not None:
                values.append(torch.stack(rows, axis))
            else:
                values.append(tuple(rows))
        return values[0] if len(values) == 1 else tuple(values)


def describe(given: Any) -> str:
    """What was given in place of a state, for a message."""
    if isinstance(given, Tensor):
        return f"a tensor of shape {list(given.shape)}"
    if isinstance(given, tuple | list):
        return f"{len(given)} of them"
    return type(given).__name__
