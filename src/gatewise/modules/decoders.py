"""Decoders: from the words so far to features of the next one, over all steps or one at a time."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.text.symbols import BEGIN
from gatewise.layers import Recurrent
from gatewise.layers.states import State
from gatewise.modules.attention import Attention, Bahdanau, Luong, Memory


def given(target: Tensor) -> Tensor:
    """[B, T]: what a decoder reads to tell a target: the sign of the beginning, then all but its last."""
    begin = target.new_full((len(target), 1), BEGIN)
    return torch.cat([begin, target[:, :-1]], dim=1)


class Decoded(NamedTuple):
    """What a decoder gives.

    features: [B, T, F]; state: its last; weights: [B, T, S], what it looked at, or None
    """

    features: Tensor
    state: State
    weights: Tensor | None


class Decoder(nn.Module):
    """Layers of a cell over the words so far. `width` is F, the size of its features."""

    width: int

    def __init__(self, cell: CellType, inputs: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.recurrent = Recurrent(
            cell, inputs, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0
        )

    @abstractmethod
    def remember(self, values: Tensor, there: Tensor) -> Memory:
        """The encoder's output [B, S, H], and where it is no padding [B, S]."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: State, memory: Memory) -> Decoded:
        """Words [B, T, E] behind a state."""


class PlainDecoder(Decoder):
    """It knows of the source what its first state holds (Sutskever, Vinyals and Le 2014)."""

    def __init__(self, cell: CellType, embedding: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__(cell, embedding, hidden, layers, dropout)
        self.width = hidden

    def remember(self, values: Tensor, there: Tensor) -> Memory:
        return Memory(values[:, :0], values[:, :0], there[:, :0])

    def forward(self, inputs: Tensor, state: State, memory: Memory) -> Decoded:
        output, state = self.recurrent(inputs, state)
        return Decoded(output, state, None)


class LuongDecoder(Decoder):
    """Its layers run over all words at once, and then each step looks at the source (Luong et al. 2015).

    features: `[context; h]`. What was looked at is not fed back.
    """

    def __init__(self, cell: CellType, embedding: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__(cell, embedding, hidden, layers, dropout)
        self.attention: Attention = Luong(hidden)
        self.width = 2 * hidden

    def remember(self, values: Tensor, there: Tensor) -> Memory:
        return self.attention.remember(values, there)

    def forward(self, inputs: Tensor, state: State, memory: Memory) -> Decoded:
        output, state = self.recurrent(inputs, state)
        context, weights = self.attention(output, memory)
        return Decoded(torch.cat([context, output], dim=-1), state, weights)


class BahdanauDecoder(Decoder):
    """Each step looks at the source with the last hidden, and reads what it found (Bahdanau et al. 2015).

    `context_t = attention(h_{t-1})`, `h_t = cell([word_t; context_t], h_{t-1})`; features: `[context; h]`
    """

    def __init__(self, cell: CellType, embedding: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__(cell, embedding + hidden, hidden, layers, dropout)
        self.attention: Attention = Bahdanau(hidden)
        self.width = 2 * hidden

    def remember(self, values: Tensor, there: Tensor) -> Memory:
        return self.attention.remember(values, there)

    def forward(self, inputs: Tensor, state: State, memory: Memory) -> Decoded:
        features, looked = [], []
        for word in inputs.split(1, dim=1):
            hidden = state if isinstance(state, Tensor) else state[0]
            context, weights = self.attention(hidden[-1].unsqueeze(1), memory)
            output, state = self.recurrent(torch.cat([word, context], dim=-1), state)
            features.append(torch.cat([context, output], dim=-1))
            looked.append(weights)
        return Decoded(torch.cat(features, dim=1), state, torch.cat(looked, dim=1))


DECODERS: dict[str, type[PlainDecoder] | type[LuongDecoder] | type[BahdanauDecoder]] = {
    "none": PlainDecoder,
    "luong": LuongDecoder,
    "bahdanau": BahdanauDecoder,
}


class Context(NamedTuple):
    """Where a decoder stands: its state, and the source that it looks at."""

    state: State
    memory: Memory

    def select(self, rows: Tensor) -> Context:
        """Some rows, in any order, any number of times."""
        return Context(_rows(self.state, rows), self.memory.select(rows))


def _rows(state: State, rows: Tensor) -> State:
    if isinstance(state, Tensor):
        return state.index_select(1, rows)
    return tuple(_rows(one, rows) for one in state)
