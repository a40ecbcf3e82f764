"""Attention: a weighted mean of the encoder's outputs for each step of a decoder."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Memory(NamedTuple):
    """The encoder's outputs that a decoder attends to.

    values: [B, S, H]
    keys: [B, S, A], compared with the queries
    mask: [B, S], False for padding
    """

    values: Tensor
    keys: Tensor
    mask: Tensor

    def select(self, rows: Tensor) -> Memory:
        """Selects rows of the batch, in any order, with repetition."""
        return Memory(*(tensor.index_select(0, rows) for tensor in self))


class Attention(nn.Module):
    """`weights = softmax over the source of score(query, value)`, `context = sum of weights * values`."""

    def memory(self, values: Tensor, mask: Tensor) -> Memory:
        """The memory of encoder outputs [B, S, H]; mask: [B, S], False for padding."""
        return Memory(values, self.keys(values), mask)

    def keys(self, values: Tensor) -> Tensor:
        """Computes keys [B, S, A] of values [B, S, H], once for all queries."""
        raise NotImplementedError

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Compares queries [B, T, H] with keys [B, S, A]; returns scores [B, T, S]."""
        raise NotImplementedError

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Attends with queries [B, T, H]; returns contexts [B, T, H] and weights [B, T, S]."""
        scores = self.scores(queries, memory.keys)
        weights = scores.masked_fill(~memory.mask.unsqueeze(1), -torch.inf).softmax(-1)
        return weights @ memory.values, weights


class Luong(Attention):
    """`score = q^T W v / sqrt(H)`, the general form of Luong, Pham and Manning (2015).

    The paper has no division. Without it the softmax saturates at initialization and its gradient vanishes.

    >>> attention = Luong(8)
    >>> memory = attention.memory(torch.randn(2, 5, 8), torch.arange(5) < torch.tensor([[5], [3]]))
    >>> context, weights = attention(torch.randn(2, 7, 8), memory)
    >>> context.shape, weights.shape, bool((weights[1, :, 3:] == 0).all())
    (torch.Size([2, 7, 8]), torch.Size([2, 7, 5]), True)
    """

    general: nn.Linear

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.general = nn.Linear(hidden, hidden, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.general(values)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.transpose(1, 2) / sqrt(queries.shape[-1])


class Bahdanau(Attention):
    """`score = a^T tanh(W q + U v)` (Bahdanau, Cho and Bengio 2015).

    >>> attention = Bahdanau(8)
    >>> memory = attention.memory(torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool))
    >>> context, weights = attention(torch.randn(2, 1, 8), memory)
    >>> context.shape, weights.sum(-1).allclose(torch.ones(2, 1))
    (torch.Size([2, 1, 8]), True)
    """

    of_query: nn.Linear
    of_value: nn.Linear
    weigh: nn.Linear

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.of_query = nn.Linear(hidden, hidden)
        self.of_value = nn.Linear(hidden, hidden, bias=False)
        self.weigh = nn.Linear(hidden, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.of_value(values)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        hidden = self.of_query(queries).unsqueeze(2) + keys.unsqueeze(1)
        return self.weigh(hidden.tanh()).squeeze(-1)
