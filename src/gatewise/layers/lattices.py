"""Batches of lattices and their states in all accepted forms, and results in the same form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.expressions import Previous
from gatewise.engine.diagonals import inside
from gatewise.engine.recording import recording, wrapped
from gatewise.engine.request import LayerResult, Trace
from gatewise.errors import GatewiseError
from gatewise.layers.batches import WHOLE
from gatewise.layers.checks import check_input, check_state
from gatewise.layers.scan_directions import Combine, Directions, combined

State = Mapping[str, Tensor]
Sizes = Tensor | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Lattices:
    """A batch of lattices in the form of the engine: values [L, B, I], sizes [B, N] or None."""

    values: Tensor
    sizes: Tensor | None
    batched: bool

    @property
    def lengths(self) -> Tensor | None:
        """The sizes in the form of a request: [B] for one axis."""
        return self.sizes[:, 0] if self.sizes is not None and self.sizes.shape[1] == 1 else self.sizes

    def inside(self) -> Tensor:
        """The values, with zeros outside the sizes of each lattice, where they may be anything."""
        if self.sizes is None:
            return self.values
        return self.values.masked_fill(~inside(self.values.shape[:-2], self.sizes), 0.0)

    def initial_states(
        self, given: State, previous: Mapping[str, Previous], sizes: Sequence[int], width: int
    ) -> dict[str, Tensor]:
        """The checked initial states by name, [F, B, H] each; zeros if missing.

        previous: the states of the cell; sizes: L; width: H
        """
        for name in given:
            if name not in previous:
                known = ", ".join(previous) or "none"
                raise GatewiseError(f"there is no initial state {name!r}; the initial states are {known}")
        return {
            name: self._initial_state(name, given[name], _side(sizes, one.axis), width)
            if name in given
            else self.values.new_zeros(*_side(sizes, one.axis), self.values.shape[-2], width)
            for name, one in previous.items()
        }

    def _initial_state(self, name: str, value: Any, side: list[int], width: int) -> Tensor:
        expected = [self.values.shape[-2], *side, width] if self.batched else [*side, width]
        if not isinstance(value, Tensor) or list(value.shape) != expected:
            got = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise GatewiseError(f"expected state {name} of shape {expected}, got {got}")
        check_state(name, value, self.values)
        return _batch_last(value if self.batched else value.unsqueeze(0)).to(self.values.dtype)

    def restore(self, values: Tensor) -> Tensor:
        """[L, B, F] in the original form of the lattices."""
        moved = values.movedim(-2, 0)
        return moved if self.batched else moved.squeeze(0)

    def returned(
        self, results: Sequence[LayerResult], directions: Directions, combine: Combine, trace: bool
    ) -> tuple[Any, ...]:
        """The return value of a call: the output, the final states, and on request the traces."""
        output = combined([self.restore(one.output) for one in results], combine)
        final = [self._restored(one.final) for one in results]
        found = output, final[0] if directions == "forward" else final
        traces = [
            Trace(self._restored(one.trace.states), self._restored(one.trace.gates))
            for one in results
            if one.trace is not None
        ]
        return (*found, traces) if trace else found

    def _restored(self, named: State) -> dict[str, Tensor]:
        return {name: self.restore(values) for name, values in named.items()}


def read_lattices(input: Tensor, sizes: Sizes | None, axes: int, input_size: int, like: Tensor) -> Lattices:
    """Checks the input of a layer, [B, L, I] or [L, I], and moves the batch behind the lattice.

    like: a parameter of the layer
    """
    shape = "[B, " + "".join(f"L{axis}, " for axis in range(1, axes + 1)) + f"{input_size}]"
    if not isinstance(input, Tensor) or not input.is_floating_point():
        got = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise GatewiseError(f"expected input as a floating point Tensor {shape}, got {got}")
    if input.dim() not in (axes + 1, axes + 2) or input.shape[-1] != input_size or 0 in input.shape[:-1]:
        raise GatewiseError(
            f"expected input of shape {shape}, no size being zero, B being optional, got {list(input.shape)}"
        )
    check_input(input, like)
    batched = input.dim() == axes + 2
    values = _batch_last(input if batched else input.unsqueeze(0))
    return Lattices(values, None if sizes is None else _read_sizes(sizes, values), batched)


def read_states(given: State | Sequence[State] | None, directions: int) -> Sequence[State]:
    """The initial states of each direction, by name."""
    if given is None:
        return [{}] * directions
    several = [given] if isinstance(given, Mapping) else given
    if not isinstance(several, list | tuple) or len(several) != directions:
        expected = "a dict" if directions == 1 else f"a list of {directions} dicts, one for each direction"
        got = f"{len(several)} of them" if isinstance(several, list | tuple) else type(given).__name__
        raise GatewiseError(f"expected state as {expected}, as the final states, got {got}")
    for one in several:
        if not isinstance(one, Mapping):
            raise GatewiseError(f"expected state of a direction as a dict, got {type(one).__name__}")
    return several


def _read_sizes(given: Sizes, values: Tensor) -> Tensor:
    """The sizes of each lattice [B, N], checked against those of the batch."""
    *whole, batch, _ = values.shape
    wanted = f"expected sizes as whole numbers of shape {[batch, len(whole)]}"
    try:
        sizes = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise GatewiseError(f"{wanted}, got {given!r}") from error
    if list(sizes.shape) != [batch, len(whole)]:
        raise GatewiseError(f"{wanted}, got {list(sizes.shape)}")
    if sizes.numel() and sizes.dtype not in WHOLE:
        raise GatewiseError(f"{wanted}, got {sizes.dtype}")
    if recording() or wrapped([sizes]):  # no value is known yet
        return sizes.to(values.device, torch.int64)
    wrong = (sizes < 1) | (sizes > torch.tensor(whole, dtype=torch.int64, device=sizes.device))
    if wrong.any():
        row = int(wrong.any(1).nonzero()[0])
        raise GatewiseError(f"expected sizes in 1..{whole}, got {sizes[row].tolist()} for lattice {row}")
    return sizes.to(values.device, torch.int64)


def _side(sizes: Sequence[int], axis: int) -> list[int]:
    """The sizes of the side of a lattice along an axis (1, 2, ...; 0 for a sequence)."""
    index = max(0, axis - 1)
    return [*sizes[:index], *sizes[index + 1 :]]


def _batch_last(values: Tensor) -> Tensor:
    """[B, L, F] -> [L, B, F]."""
    return values.movedim(0, -2)
