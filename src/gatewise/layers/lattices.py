"""The forms in which lattices and their states come, and back to the same forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.expressions import Previous
from gatewise.engine.diagonals import inside
from gatewise.engine.recording import recording, wrapped
from gatewise.engine.request import Result, Trace
from gatewise.errors import GatewiseError
from gatewise.layers.batches import WHOLE
from gatewise.layers.checks import check_input, check_state
from gatewise.layers.scan_directions import Combine, Directions, combined

State = Mapping[str, Tensor]
Sizes = Tensor | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Lattices:
    """A batch of lattices as the engine wants it: values [L, B, I], own sizes [B, N] or None."""

    values: Tensor
    sizes: Tensor | None
    batched: bool

    @property
    def lengths(self) -> Tensor | None:
        """The own sizes in the form of a request: of one axis [B]."""
        return self.sizes[:, 0] if self.sizes is not None and self.sizes.shape[1] == 1 else self.sizes

    def inside(self) -> Tensor:
        """The values, zero outside each lattice's own sizes, where anything may be, NaN included."""
        if self.sizes is None:
            return self.values
        return self.values.masked_fill(~inside(self.values.shape[:-2], self.sizes), 0.0)

    def entering(
        self, given: State, previous: Mapping[str, Previous], sizes: Sequence[int], width: int
    ) -> dict[str, Tensor]:
        """What a user gave by name, checked, [F, B, H] each; zeros for the rest.

        previous: what can enter; sizes: L, of the sides; width: H
        """
        for name in given:
            if name not in previous:
                known = ", ".join(previous) or "nothing"
                raise GatewiseError(f"state names {name!r}; what enters here is {known}")
        return {
            name: self._entering(name, given[name], _side(sizes, one.axis), width)
            if name in given
            else self.values.new_zeros(*_side(sizes, one.axis), self.values.shape[-2], width)
            for name, one in previous.items()
        }

    def _entering(self, name: str, value: Any, side: list[int], width: int) -> Tensor:
        expected = [self.values.shape[-2], *side, width] if self.batched else [*side, width]
        if not isinstance(value, Tensor) or list(value.shape) != expected:
            told = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise GatewiseError(f"expected state {name} of shape {expected}, got {told}")
        check_state(name, value, self.values)
        return _batch_last(value if self.batched else value.unsqueeze(0)).to(self.values.dtype)

    def restore(self, values: Tensor) -> Tensor:
        """[L, B, F] in the form in which the lattices came."""
        moved = values.movedim(-2, 0)
        return moved if self.batched else moved.squeeze(0)

    def returned(
        self, results: Sequence[Result], directions: Directions, combine: Combine, trace: bool
    ) -> tuple[Any, ...]:
        """What a call returns: the output, what leaves, and if asked for a trace of each direction."""
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
    """Checks what a layer was given, [B, L, I] or [L, I], and puts the batch behind the lattice.

    like: a parameter of the layer
    """
    wanted = "[B, " + "".join(f"L{axis}, " for axis in range(1, axes + 1)) + f"{input_size}]"
    if not isinstance(input, Tensor) or not input.is_floating_point():
        told = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise GatewiseError(f"expected input as a floating point Tensor {wanted}, got {told}")
    if input.dim() not in (axes + 1, axes + 2) or input.shape[-1] != input_size or 0 in input.shape[:-1]:
        raise GatewiseError(
            f"expected input of shape {wanted}, no size being zero, B being optional, got {list(input.shape)}"
        )
    check_input(input, like)
    batched = input.dim() == axes + 2
    values = _batch_last(input if batched else input.unsqueeze(0))
    return Lattices(values, None if sizes is None else _read_sizes(sizes, values), batched)


def read_states(given: State | Sequence[State] | None, directions: int) -> Sequence[State]:
    """What a user gave for each direction, by name."""
    if given is None:
        return [{}] * directions
    several = [given] if isinstance(given, Mapping) else given
    if not isinstance(several, list | tuple) or len(several) != directions:
        wanted = "a dict" if directions == 1 else f"a list of {directions} dicts, one for each direction"
        told = f"{len(several)} of them" if isinstance(several, list | tuple) else type(given).__name__
        raise GatewiseError(f"expected state as {wanted}, as a call returns it, got {told}")
    for one in several:
        if not isinstance(one, Mapping):
            raise GatewiseError(f"expected state of a direction as a dict, got {type(one).__name__}")
    return several


def _read_sizes(given: Sizes, values: Tensor) -> Tensor:
    """Each lattice's own sizes [B, N], checked against those of the whole."""
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
    """The sizes of the side by which an axis (1, 2, ...; 0 for a sequence's) enters or leaves."""
    place = max(0, axis - 1)
    return [*sizes[:place], *sizes[place + 1 :]]


def _batch_last(values: Tensor) -> Tensor:
    """[B, L, F] -> [L, B, F]."""
    return values.movedim(0, -2)
