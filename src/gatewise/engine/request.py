"""The requests to an engine, and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.layout import layout


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
    heads: with more than one, units are divided into groups, and matrices of hidden values have a block for
        each on the diagonal, [blocks * H, H / heads]; without a projection

    Lattices do not support resets, zoneout, masks, projection, recomputation and heads.
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
    heads: int = 1

    def dense(self) -> Request:
        """The same request with whole matrices in place of blocks, for engines without heads."""
        if self.heads == 1:
            return self
        divided = {
            one.name for one in layout(self.cell).parameters if one.kind == "matrix" and one.width != "input"
        }
        parameters = {
            name: block_diagonal(one, self.heads) if name in divided else one
            for name, one in self.parameters.items()
        }
        return replace(self, parameters=parameters, heads=1)

    @property
    def is_int8(self) -> bool:
        """Whether the matrices are int8."""
        return next(iter(self.parameters.values())).dtype is torch.int8

    @property
    def directions(self) -> tuple[bool, ...]:
        """`reverse` for each axis."""
        return self.reverse if isinstance(self.reverse, tuple) else (self.reverse,) * self.cell.axes


def block_diagonal(matrix: Tensor, heads: int) -> Tensor:
    """[blocks * H, H / heads] -> [blocks * H, H], with zeros outside the block of each head.

    >>> block_diagonal(torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]]), heads=2)
    tensor([[1, 2, 0, 0],
            [3, 4, 0, 0],
            [0, 0, 5, 6],
            [0, 0, 7, 8]])
    """
    width = matrix.shape[1]
    own = torch.eye(heads, dtype=torch.bool, device=matrix.device).view(heads, 1, heads, 1)
    blocks = matrix.reshape(-1, heads, width, 1, width)
    return torch.where(own, blocks, torch.zeros_like(blocks)).reshape(len(matrix), heads * width)


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
