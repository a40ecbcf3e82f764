"""Decoders: from the symbols so far to features of the next one, for all steps or one at a time."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.tokenizers.sentences import BEGIN
from gatewise.layers import Recurrent
from gatewise.layers.states import State
from gatewise.modules.attention import Attention, Bahdanau, Luong, Memory


def decoder_inputs(target: Tensor) -> Tensor:
    """Shifts targets [B, T] by one step: the begin symbol, then all symbols but the last."""
    begin = target.new_full((len(target), 1), BEGIN)
    return torch.cat([begin, target[:, :-1]], dim=1)


class DecoderOutput(NamedTuple):
    """The output of a decoder.

    features: [B, T, F]
    state: the state after the last step
    weights: the attention weights [B, T, S]; None without attention
    """

    features: Tensor
    state: State
    weights: Tensor | None


class Decoder(nn.Module):
    """Recurrent layers over the symbols so far. `width` is F, the size of the features."""

    recurrent: Recurrent
    width: int

    def __init__(
        self, cell: CellType, inputs: int, hidden: int, layers: int, dropout: float, heads: int = 1
    ) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.recurrent = Recurrent(
            cell, inputs, hidden, layers, batch_first=True, dropout=between, heads=heads
        )

    @abstractmethod
    def memory(self, values: Tensor, mask: Tensor) -> Memory:
        """The memory of encoder outputs [B, S, H]; mask: [B, S], False for padding."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: State, memory: Memory) -> DecoderOutput:
        """Decodes input vectors [B, T, E], starting from a state."""


class PlainDecoder(Decoder):
    """A decoder without attention: the source is in the initial state (Sutskever, Vinyals and Le 2014)."""

    def __init__(
        self, cell: CellType, embedding: int, hidden: int, layers: int, dropout: float, heads: int = 1
    ) -> None:
        super().__init__(cell, embedding, hidden, layers, dropout, heads)
        self.width = hidden

    def memory(self, values: Tensor, mask: Tensor) -> Memory:
        return Memory(values[:, :0], values[:, :0], mask[:, :0])

    def forward(self, inputs: Tensor, state: State, memory: Memory) -> DecoderOutput:
        output, state = self.recurrent(inputs, state)
        return DecoderOutput(output, state, None)


class LuongDecoder(Decoder):
    """Attention after the layers, over all steps at once (Luong et al. 2015), without input feeding.

    features: `[context; h]`
    """

    width: int

    def __init__(
        self, cell: CellType, embedding: int, hidden: int, layers: int, dropout: float, heads: int = 1
    ) -> None:
        super().__init__(cell, embedding, hidden, layers, dropout, heads)
        self.attention: Attention = Luong(hidden)
        self.width = 2 * hidden

    def memory(self, values: Tensor, mask: Tensor) -> Memory:
        return self.attention.memory(values, mask)

    def forward(self, inputs: Tensor, state: State, memory: Memory) -> DecoderOutput:
        output, state = self.recurrent(inputs, state)
        context, weights = self.attention(output, memory)
        return DecoderOutput(torch.cat([context, output], dim=-1), state, weights)


class BahdanauDecoder(Decoder):
    """Attention before each step, with the previous hidden state as query (Bahdanau et al. 2015).

    `context_t = attention(h_{t-1})`, `h_t = cell([x_t; context_t], h_{t-1})`; features: `[context; h]`
    """

    width: int

    def __init__(
        self, cell: CellType, embedding: int, hidden: int, layers: int, dropout: float, heads: int = 1
    ) -> None:
        super().__init__(cell, embedding + hidden, hidden, layers, dropout, heads)
        self.attention: Attention = Bahdanau(hidden)
        self.width = 2 * hidden

    def memory(self, values: Tensor, mask: Tensor) -> Memory:
        return self.attention.memory(values, mask)

    def forward(self, inputs: Tensor, state: State, memory: Memory) -> DecoderOutput:
        features, weights_of_steps = [], []
        for step in inputs.split(1, dim=1):
            hidden = state if isinstance(state, Tensor) else state[0]
            context, weights = self.attention(hidden[-1].unsqueeze(1), memory)
            output, state = self.recurrent(torch.cat([step, context], dim=-1), state)
            features.append(torch.cat([context, output], dim=-1))
            weights_of_steps.append(weights)
        return DecoderOutput(torch.cat(features, dim=1), state, torch.cat(weights_of_steps, dim=1))


DECODERS: dict[str, type[PlainDecoder] | type[LuongDecoder] | type[BahdanauDecoder]] = {
    "none": PlainDecoder,
    "luong": LuongDecoder,
    "bahdanau": BahdanauDecoder,
}


class Context(NamedTuple):
    """The state of a decoder, and the memory that it attends to."""

    state: State
    memory: Memory

    def select(self, rows: Tensor) -> Context:
        """Selects rows of the batch, in any order, with repetition."""
        return Context(_select_rows(self.state, rows), self.memory.select(rows))


def _select_rows(state: State, rows: Tensor) -> State:
    if isinstance(state, Tensor):
        return state.index_select(1, rows)
    return tuple(_select_rows(part, rows) for part in state)


def join_directions(state: State) -> State:
    """Concatenates the final states of both directions: [2 layers, B, H / 2] -> [layers, B, H].

    Matrices become blocks: [2 layers, B, H / 2, K / 2] -> [layers, B, H, K], two blocks for each head.
    """
    if not isinstance(state, Tensor):
        return tuple(join_directions(part) for part in state)
    joined = torch.cat([state[::2], state[1::2]], dim=2)
    return joined if joined.dim() == 3 else _in_blocks(joined)


def _in_blocks(rows: Tensor) -> Tensor:
    """Matrices of heads [layers, B, H, K / 2] as the diagonal blocks of half as many: [layers, B, H, K]."""
    keys = rows.shape[-1]
    first, second = rows.unflatten(2, (-1, 2, keys)).unbind(3)  # [layers, B, heads, K / 2, K / 2] each
    blocks = [functional.pad(first, (0, keys)), functional.pad(second, (keys, 0))]
    return torch.stack(blocks, dim=3).flatten(2, 4)
