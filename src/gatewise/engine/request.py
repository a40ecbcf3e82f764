"""What an engine is asked to do, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from gatewise.cells.base import CellType


@dataclass(eq=False)  # not frozen: that would double the time to make one
class Request:
    """One cell, run along a batch of sequences in one direction, or over a batch of lattices from one corner.

    L stands for T, or for the lattice's sizes L1, ..., LN; F for those of them that are left without one
    axis, none for a sequence: the side of the lattice by which states enter along that axis.

    inputs: [L, B, I]
    parameters: by the names of the cell's layout, and `projection` [P, H] where the output is projected
    state: for each of the cell's `previous` [F, B, H] ([F, B, P] for a projected output)
    lengths: [B] whole numbers in 0..T ([B, N] in 1..L for a lattice), or None: all are of full length
    resets: [T, B] bool, the state becomes zero before that step; or None
    reverse: from each sequence's last step to its first; outputs stay at their steps. A lattice may have
        one for each axis
    zoneout: for a state, how much of its old value stays: [T, B, H] masks of 0 and 1, or a number
    hidden_mask: [B, H or P], multiplies the last output where a matrix sees it, the same at every step
    trace: give every state and intermediate line of every step
    recompute: for the gradient keep the states only, and compute gates again (less memory, more time)

    A lattice takes no resets, zoneout, mask, projection, and computes nothing again.
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
class Result:
    """output: [L, B, H or P], zero beyond a sequence's length; final: what leaves, as `state` entered."""

    output: Tensor
    final: dict[str, Tensor]
    trace: Trace | None = None
