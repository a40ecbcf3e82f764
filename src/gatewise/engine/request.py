"""The requests to an engine, and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gatewise.cells.base import CellType


@dataclass(eq=False)  # not frozen, which would double the time to create one
class Request:
    """One cell, run along a batch of sequences in one direction, or over a batch of lattices from one corner.

    L stands for T, or for the sizes L1, ..., LN of the lattice; F for these without one axis (none for a
    sequence): the side of the lattice where initial states are read along that axis.

    inputs: [L, B, I]
    parameters: by the names of the cell's layout, and `projection` [P, H] if the output is projected. If the
        matrices are int8, for inference, each has a scale for each row under `int8.scale_name`
    state: for each of the cell's `previous` [F, B, H] ([F, B, P] for a projected output)
    lengths: [B] integers in 0..T ([B, N] in 1..L for a lattice), or None if all have full length
    resets: [T, B] bool, whether the state is set to zero before a step; or None
    reverse: whether to run from each sequence's last step to its first; outputs keep their steps. A lattice
        may have one for each axis
    zoneout: for a state, the fraction of its old value that is kept: [T, B, H] masks of 0 and 1, or a number
    hidden_mask: [B, H or P], multiplies the last output in matrix products, the same at every step
    trace: whether to return every state and intermediate line of every step
    recompute: whether to save the states only, and recompute gates for the gradient (less memory, more time)

    Lattices do not support resets, zoneout, masks, projection and recomputation.
    """

    cell: CellType
    inputs: Tensor
    parameters: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    lengths: Tensor | None = None
    resets: Tensor | None = None
    reverse: bool | tuple[bool, ...] = False
    zoneout: Mapping[str, Tensor | float] = field(default_factory=dict)
    hidden_mask: Tensor | None = None
    trace: bool = False
    recompute: bool = False

    @property
    def is_int8(self) -> bool:
        """Whether the matrices are int8."""
        return next(iter(self.parameters.values())).dtype is torch.int8

    @property
    def directions(self) -> tuple[bool, ...]:
        """`reverse` for each axis."""
        return self.reverse if isinstance(self.reverse, tuple) else (self.reverse,) * self.cell.axes


@dataclass(frozen=True, eq=False)
class Trace:
    """Every state and every intermediate line (gates, candidates) at every step, by name.

    states, gates: [L, B, H] each; [L, B, P] for a projected output. Steps beyond a sequence's
    length are zero.
    """

    states: dict[str, Tensor]
    gates: dict[str, Tensor]


@dataclass(eq=False)
class LayerResult:
    """output: [L, B, H or P], zero beyond a sequence's length; final: the final states, shaped as `state`."""

    output: Tensor
    final: dict[str, Tensor]
    trace: Trace | None = None
