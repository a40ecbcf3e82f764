"""Tied embeddings: one matrix embeds input symbols and computes output logits."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn

from gatewise.data.tokenizers.sentences import PADDING


class TiedEmbedding(nn.Module):
    """`read(s) = sqrt(E) V_s`, `logits(y) = V y + b` (Press and Wolf 2017; scaled as by Vaswani et al. 2017).

    Rows are initialized with norm one, which suits the softmax; embeddings are scaled to variance one, as
    those of an untied embedding, because a recurrent layer hardly separates symbols by smaller inputs.

    padding: a symbol whose row is zero and stays so; None for no such symbol

    >>> embedding = TiedEmbedding(symbols=9, size=4)
    >>> embedding(torch.tensor([[5, 3]])).shape, embedding.logits(torch.randn(2, 7, 4)).shape
    (torch.Size([1, 2, 4]), torch.Size([2, 7, 9]))
    """

    rows: nn.Embedding
    bias: nn.Parameter

    def __init__(self, symbols: int, size: int, padding: int | None = PADDING) -> None:
        super().__init__()
        self.rows = nn.Embedding(symbols, size, padding_idx=padding)
        self.bias = nn.Parameter(torch.zeros(symbols))
        nn.init.normal_(self.rows.weight, std=1 / sqrt(size))
        if padding is not None:
            with torch.no_grad():
                self.rows.weight[padding] = 0

    def forward(self, symbols: Tensor) -> Tensor:
        """Embeds symbols [...] as vectors [..., E]."""
        return self.rows(symbols) * sqrt(self.rows.embedding_dim)

    def logits(self, features: Tensor) -> Tensor:
        """Computes logits [..., V] of features [..., E]."""
        return features @ self.rows.weight.T + self.bias
