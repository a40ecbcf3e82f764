"""The requests to an engine, and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.heads import KEY_SCALE, depends_on_heads, for_units
from gatewise.compiler.layout import is_bias, layout


@dataclass(eq=False)  # not frozen, which would double the time to create one
class Request:
    """One cell, run along a batch of sequences in one direction, or over a batch of lattices from one corner.

    L stands for T, or for the sizes L1, ..., LN of the lattice; F for these without one axis (none for a
    sequence): the side of the lattice where initial states are read along that axis.

    inputs: [L, B, I]
    parameters: by the names of the cell's layout, and `projection` [P, H] if the output is projected. If the
        matrices are int8, for inference, each has a scale for each row under `int8.scale_name`
    state: for each of the cell's `previous` [F, B, H] ([F, B, P] for a projected output; [B, H, K] for a
        matrix, K = H / heads)
    lengths: [B] integers in 0..T ([B, N] in 1..L for a lattice), or None if all have full length
    resets: [T, B] bool, whether the state is set to zero before a step; or None
    elapsed: [T, B], the time since the step before, in the order in which steps run, without a gradient; 1 if
        None
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
    elapsed: Tensor | None = None

    @property
    def keys(self) -> int:
        """K, the units of a head."""
        sizing = layout(self.cell).sizing
        return len(self.parameters[sizing.name]) // len(sizing.blocks) // self.heads

    @property
    def dense_cell(self) -> CellType:
        """The cell of `dense`."""
        return for_units(self.cell) if depends_on_heads(self.cell) else self.cell

    def dense(self, by_head: bool = False) -> Request:
        """The same request with matrices of all units in place of blocks and of heads.

        by_head: keep the blocks of matrices of hidden values, and replace what else depends on heads
        """
        if (self.heads == 1 or by_head) and not depends_on_heads(self.cell):
            return self
        cell, keys = self.dense_cell, self.keys
        kinds = {one.name: one for one in layout(self.cell).parameters}
        parameters = {}
        for name, one in self.parameters.items():
            kind = kinds.get(name)
            if kind is not None and kind.per_head:
                one = one.unflatten(0, (-1, self.heads)).repeat_interleave(keys, dim=1).flatten(0, 1)
            elif kind is not None and kind.multiplies_hidden and not by_head:
                one = block_diagonal(one, self.heads)
            parameters[name] = one
        like = next(iter(parameters.values()))
        for kind in layout(cell).parameters:
            if kind.name not in parameters and not is_bias(kind):
                value = keys**-0.5 if kind.name == KEY_SCALE else 0.0  # the bias of a layer without biases
                parameters[kind.name] = like.new_full((len(kind.blocks) * keys * self.heads,), value)
        return replace(self, cell=cell, parameters=parameters, heads=self.heads if by_head else 1)

    def elapsed_by_unit(self) -> Tensor:
        """The elapsed time of each step for each unit, [T, B, H]."""
        steps, batch = self.inputs.shape[:2]
        given = self.inputs.new_ones(1, 1) if self.elapsed is None else self.elapsed.to(self.inputs.dtype)
        return given.detach().unsqueeze(-1).expand(steps, batch, self.keys * self.heads)

    @property
    def is_int8(self) -> bool:
        """Whether the matrices are int8."""
        return next(iter(self.parameters.values())).dtype is torch.int8

    @property
    def directions(self) -> tuple[bool, ...]:
        """`reverse` for each axis."""
        return self.reverse if isinstance(self.reverse, tuple) else (self.reverse,) * self.cell.axes


def selected_blocks(parameter: Tensor, blocks: tuple[str, ...], wanted: tuple[str, ...]) -> Tensor:
    """Some of the blocks of a parameter, in another order.

    >>> selected_blocks(torch.tensor([1, 2, 3, 4, 5, 6]), ("i", "f", "o"), ("o", "i"))
    tensor([5, 6, 1, 2])
    """
    if wanted == blocks:
        return parameter
    values = dict(zip(blocks, parameter.chunk(len(blocks)), strict=True))
    return torch.cat([values[one] for one in wanted])


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
    length are zero. States that are matrices are left out.
    """

    states: dict[str, Tensor]
    gates: dict[str, Tensor]


@dataclass(eq=False)
class LayerResult:
    """output: [L, B, H or P], zero beyond a sequence's length; final: the final states, shaped as `state`."""

    output: Tensor
    final: dict[str, Tensor]
    trace: Trace | None = None
