"""Attention: what a decoder reads of the source at each step."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Memory(NamedTuple):
    """What an encoder left of a source, to be looked at.

    values: [B, S, H]; keys: [B, S, A], what is compared with a query; there: [B, S], False for padding
    """

    values: Tensor
    keys: Tensor
    there: Tensor

    def select(self, rows: Tensor) -> Memory:
        """Some rows, in any order, any number of times."""
        return Memory(*(part.index_select(0, rows) for part in self))


class Attention(nn.Module):
    """`weights = softmax over the source of score(query, value)`, `context = sum of weights * values`."""

    def remember(self, values: Tensor, there: Tensor) -> Memory:
        """values [B, S, H] and where they are no padding [B, S]."""
        return Memory(values, self.keys(values), there)

    def keys(self, values: Tensor) -> Tensor:
        """[B, S, H] -> [B, S, A], once for all queries."""
        raise NotImplementedError

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """[B, T, H] and [B, S, A] -> [B, T, S]."""
        raise NotImplementedError

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """[B, T, H] -> contexts [B, T, H] and weights [B, T, S]."""
        scores = self.scores(queries, memory.keys)
        weights = scores.masked_fill(~memory.there.unsqueeze(1), -torch.inf).softmax(-1)
        return weights @ memory.values, weights


class Luong(Attention):
    """`score = q^T W v / sqrt(H)`, the general form of Luong, Pham and Manning (2015).

    They do not divide. Without it weights are nearly zero or one before anything is learned, and stay where
    they first fell.

    >>> attention = Luong(8)
    >>> memory = attention.remember(torch.randn(2, 5, 8), torch.arange(5) < torch.tensor([[5], [3]]))
    >>> context, weights = attention(torch.randn(2, 7, 8), memory)
    >>> context.shape, weights.shape, bool((weights[1, :, 3:] == 0).all())
    (torch.Size([2, 7, 8]), torch.Size([2, 7, 5]), True)
    """

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
    >>> memory = attention.remember(torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool))
    >>> context, weights = attention(torch.randn(2, 1, 8), memory)
    >>> context.shape, weights.sum(-1).allclose(torch.ones(2, 1))
    (torch.Size([2, 1, 8]), True)
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.of_query = nn.Linear(hidden, hidden)
        self.of_value = nn.Linear(hidden, hidden, bias=False)
        self.weigh = nn.Linear(hidden, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.of_value(values)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        both = self.of_query(queries).unsqueeze(2) + keys.unsqueeze(1)
        return self.weigh(both.tanh()).squeeze(-1)
