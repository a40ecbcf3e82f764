"""Residual blocks around a recurrent layer, and stacks of them: xLSTM and Griffin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.cells.linear_recurrent import RGLRU
from gatewise.cells.xlstm import MLSTM, SLSTM
from gatewise.compiler.layout import layout
from gatewise.engine.sequences import within
from gatewise.errors import GatewiseError
from gatewise.layers.batches import read_batch, read_resets
from gatewise.layers.checks import check_input, check_state, check_whole
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.short_convolution import ShortConvolution
from gatewise.layers.states import State, describe


class RecurrentBlock(nn.Module):
    """A recurrent layer of any cell in a residual block.

        y = x + W_down (normalize(cell(convolution(normalize(x)))) * silu(W_gate normalize(x)))
        z = y + V_down (gelu(V_gate normalize(y)) * V_up normalize(y))

    Args:
        cell: the equations
        size: D, the features of the input and the output
        hidden_size: H, the units of the layer
        heads: of the layer; the outputs of each are normalized
        convolution: the steps of the short convolution; 1 for none
        feedforward: the width of the second line as a multiple of D; 0 for none
        dropout: of what either line adds

    >>> import torch, gatewise
    >>> block = RecurrentBlock(gatewise.cells.MinGRU, size=8, hidden_size=16)
    >>> output, state = block(torch.randn(10, 3, 8))
    >>> output.shape
    torch.Size([10, 3, 8])
    """

    norm: nn.LayerNorm
    convolution: ShortConvolution | None
    recurrent: Recurrent
    scale: nn.Parameter
    gate: nn.Linear
    down: nn.Linear
    dropout: nn.Dropout
    feedforward: GatedFeedforward | None

    def __init__(
        self,
        cell: CellType,
        size: int,
        hidden_size: int,
        *,
        heads: int = 1,
        convolution: int = 4,
        feedforward: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_whole("convolution", convolution, 1)
        self.heads = heads
        self.norm = nn.LayerNorm(size, bias=False)
        self.convolution = ShortConvolution(size, convolution) if convolution > 1 else None
        self.recurrent = Recurrent(cell, size, hidden_size, heads=heads)
        self.scale = nn.Parameter(torch.ones(hidden_size))
        self.gate = nn.Linear(size, hidden_size)
        self.down = nn.Linear(hidden_size, size)
        self.dropout = nn.Dropout(dropout)
        self.feedforward = GatedFeedforward(size, round(feedforward * size)) if feedforward else None

    def forward(
        self,
        values: Tensor,
        state: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Runs the block along sequences.

        values: [T, B, D]; lengths: [B]; resets: [T, B] bool
        state: the inputs that the convolution has seen, and the states of the layer; zeros if None

        Returns: the output [T, B, D], and the state.
        """
        before, inner = self._read(state, values)
        seen = normalized = self.norm(values)
        if self.convolution is not None:
            seen, before = self.convolution(seen, before, lengths, resets)
            seen = functional.silu(seen)
        output, inner = self.recurrent(seen, inner, lengths, resets)
        by_head = output.unflatten(-1, (self.heads, -1))
        output = functional.layer_norm(by_head, by_head.shape[-1:]).flatten(-2) * self.scale
        gated = output * functional.silu(self.gate(normalized))
        values = values + self.dropout(self.down(gated))
        if self.feedforward is not None:
            values = values + self.dropout(self.feedforward(values))
        return values, (before, inner)

    def _read(self, state: State | None, values: Tensor) -> tuple[Any, State | None]:
        """The inputs that the convolution has seen, if there is one, and the states of the layer."""
        if state is not None and not (isinstance(state, tuple | list) and len(state) == 2):
            raise GatewiseError(
                "expected the state of a block as that of its convolution and that of its layer, got "
                f"{describe(state)}"
            )
        before, inner = (None, None) if state is None else state
        if self.convolution is None:
            return None, inner
        shape = (self.convolution.width - 1, *values.shape[1:])
        if before is None:
            return values.new_zeros(shape), inner
        if not isinstance(before, Tensor) or before.shape != shape:
            raise GatewiseError(
                f"expected the state of a convolution of shape {list(shape)}, got {describe(before)}"
            )
        check_state("convolution", before, values)
        return before, inner

    @property
    def step_states(self) -> dict[str, tuple[int, ...]]:
        """The shape of each state of a row, by name, in the order of `step`."""
        own = self.convolution
        seen = {} if own is None else {"convolution": (own.width - 1, self.recurrent.input_size)}
        return {**seen, **self.recurrent.step_states}

    def step(self, input: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Runs one step, as `Recurrent.step`. input: [B, D]"""
        before, inner = None, tuple(states)
        if self.convolution is not None:
            before, inner = inner[0].transpose(0, 1), inner[1:]
        nested = tuple((one,) for one in inner)
        state = (before, nested[0] if len(nested) == 1 else nested)
        output, (before, last) = self(input.unsqueeze(0), state)
        last = (last,) if isinstance(last, Tensor) else last
        seen = () if before is None else (before.transpose(0, 1),)
        return output.squeeze(0), (*seen, *(one.squeeze(0) for one in last))


def block_of(
    cell: CellType, size: int, *, heads: int = 1, convolution: int = 4, dropout: float = 0.0
) -> RecurrentBlock:
    """A block of a cell in its usual form, of size D.

    A matrix memory has 2 D units and no feedforward layer, other cells with a matrix of hidden values D and
    4/3 D (both as in Beck et al. 2024), cells without one 4/3 D and 3 D (De et al. 2024).

    >>> from gatewise.cells import MLSTM, RGLRU
    >>> block_of(MLSTM, 12).recurrent.hidden_size, block_of(RGLRU, 12).recurrent.hidden_size
    (24, 16)
    """
    if cell.matrix_states:
        units, feedforward = 2 * size, 0.0
    elif any(one.multiplies_hidden for one in layout(cell).parameters):
        units, feedforward = size, 4 / 3
    else:
        units, feedforward = round(4 / 3 * size), 3.0
    return RecurrentBlock(
        cell, size, units, heads=heads, convolution=convolution, feedforward=feedforward, dropout=dropout
    )


class GatedFeedforward(nn.Module):
    """`V_down (gelu(V_gate x) * V_up x)` of a normalized x (Shazeer 2020)."""

    norm: nn.LayerNorm
    up: nn.Linear
    down: nn.Linear

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size, bias=False)
        self.up = nn.Linear(size, 2 * width)
        self.down = nn.Linear(width, size)

    def forward(self, values: Tensor) -> Tensor:
        gate, up = self.up(self.norm(values)).chunk(2, dim=-1)
        result: Tensor = self.down(functional.gelu(gate) * up)
        return result


class BlockStack(nn.Module):
    """Residual blocks one above the other, between a linear layer and a normalization.

    input_size: I; hidden_size: D, the features of all blocks and of the output
    blocks: the blocks, from the bottom
    batch_first: whether input and output are [B, T, ...]
    """

    input_size: int
    hidden_size: int
    batch_first: bool
    input: nn.Linear
    blocks: nn.ModuleList
    norm: nn.LayerNorm

    def __init__(
        self, input_size: int, hidden_size: int, blocks: Sequence[RecurrentBlock], batch_first: bool = False
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.batch_first = input_size, hidden_size, bool(batch_first)
        self.input = nn.Linear(input_size, hidden_size)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(hidden_size, bias=False)

    def forward(
        self,
        input: Tensor,
        hx: State | None = None,
        lengths: Tensor | list[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Any, State]:
        """Runs the stack.

        input: [T, B, I] ([B, T, I] if `batch_first`, [T, I] for one sequence)
        hx: the state that an earlier call returned; zeros if None
        lengths: [B] integers, in any order, zero allowed; nothing beyond them is read
        resets: [T, B] bool (in the form of the input): whether the state is set to zero before a step

        Returns: output [T, B, D] in the form of the input, zero beyond a sequence's length, and the state.
        """
        batch = read_batch(input, lengths, self.batch_first, self.input_size)
        check_input(batch.values, self.input.weight)
        borders = read_resets(resets, batch)
        states: list[State] = list(hx) if hx is not None else [None] * len(self.blocks)
        if len(states) != len(self.blocks):
            raise GatewiseError(f"expected the state of {len(self.blocks)} blocks, got {len(states)}")
        values, beyond = batch.values, None
        if batch.lengths is not None:
            beyond = ~within(batch.lengths, values.shape[0])[:, :, None]
            values = values.masked_fill(beyond, 0.0)  # padding may contain anything, NaN included
        values = self.input(values)
        for place, block in enumerate(self.blocks):
            values, states[place] = block(values, states[place], batch.lengths, borders)
        output = self.norm(values)
        output = output if beyond is None else output.masked_fill(beyond, 0.0)
        return batch.restore(output), tuple(states)

    @property
    def step_states(self) -> dict[str, tuple[int, ...]]:
        """The shape of each state of a row, by name and block, in the order of `step`."""
        return {
            f"{name}_b{place}": shape
            for place, block in enumerate(self.blocks)
            for name, shape in _steps_of(block).step_states.items()
        }

    def step(
        self, input: Tensor, states: Sequence[Tensor], elapsed: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Runs one step, as `Recurrent.step`. input: [B, I]; elapsed: None, as blocks read no times"""
        values, left = self.input(input), list(states)
        new: list[Tensor] = []
        for block in map(_steps_of, self.blocks):
            count = len(block.step_states)
            values, own = block.step(values, left[:count])
            new += own
            del left[:count]
        return self.norm(values), tuple(new)


def _steps_of(block: nn.Module) -> RecurrentBlock:
    assert isinstance(block, RecurrentBlock)
    return block


class xLSTM(BlockStack):  # noqa: N801 (its published name)
    """A stack of blocks with matrix memories, and some with scalar memories (Beck et al. 2024).

    A block with a matrix memory has 2 D units; one with a scalar memory D, and a feedforward layer of 4/3 D.
    Unlike the paper's, the projections to queries, keys and values are whole matrices of the convolved input,
    which has no skip connection around the memory.

    input_size: I
    hidden_size: D, the features of all blocks and of the output
    num_layers: the blocks
    heads: of each block
    slstm_at: the numbers of the blocks with a scalar memory, from 0; the second one if None
    convolution, dropout, batch_first: as in `RecurrentBlock` and `Recurrent`

    >>> import torch, gatewise
    >>> model = gatewise.xLSTM(5, 16, num_layers=3, heads=4, slstm_at=[1])
    >>> output, state = model(torch.randn(10, 3, 5))
    >>> output.shape
    torch.Size([10, 3, 16])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 4,
        *,
        heads: int = 4,
        slstm_at: Sequence[int] | None = None,
        convolution: int = 4,
        dropout: float = 0.0,
        batch_first: bool = False,
    ) -> None:
        check_whole("num_layers", num_layers, 1)
        slstm_at = range(1, min(num_layers, 2)) if slstm_at is None else slstm_at
        unknown = [place for place in slstm_at if place not in range(num_layers)]
        if unknown:
            raise GatewiseError(f"slstm_at names block {unknown[0]}; the blocks are 0 to {num_layers - 1}")

        cells = [SLSTM if place in slstm_at else MLSTM for place in range(num_layers)]
        blocks = [
            block_of(cell, hidden_size, heads=heads, convolution=convolution, dropout=dropout)
            for cell in cells
        ]
        super().__init__(input_size, hidden_size, blocks, batch_first)


class Griffin(BlockStack):
    """A stack of blocks with real-gated linear recurrent units: Hawk, the Griffin without attention.

    Each block has 4/3 D units and a feedforward layer of 3 D (De et al. 2024). Unlike the paper's, blocks
    have the form of `RecurrentBlock`: the convolution precedes the projection, and outputs are normalized.

    input_size: I
    hidden_size: D, the features of all blocks and of the output
    num_layers: the blocks
    convolution, dropout, batch_first: as in `RecurrentBlock` and `Recurrent`

    >>> import torch, gatewise
    >>> output, state = gatewise.Griffin(5, 12, num_layers=2)(torch.randn(10, 3, 5))
    >>> output.shape
    torch.Size([10, 3, 12])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 4,
        *,
        convolution: int = 4,
        dropout: float = 0.0,
        batch_first: bool = False,
    ) -> None:
        check_whole("num_layers", num_layers, 1)
        blocks = [
            block_of(RGLRU, hidden_size, convolution=convolution, dropout=dropout) for _ in range(num_layers)
        ]
        super().__init__(input_size, hidden_size, blocks, batch_first)
