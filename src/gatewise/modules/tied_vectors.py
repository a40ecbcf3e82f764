"""Vectors of symbols that serve twice: as what is read, and as the rows of the softmax."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn

from gatewise.data.text.symbols import PADDING


class TiedVectors(nn.Module):
    """`read(s) = sqrt(E) V_s`, `logits(y) = V y + b` (Press and Wolf 2017; scaled as by Vaswani et al. 2017).

    Rows start with length one, which the softmax wants; what is read is scaled to results of size one, as an
    untied embedding starts: a recurrent layer hardly tells symbols apart by less.

    >>> vectors = TiedVectors(symbols=9, size=4)
    >>> vectors(torch.tensor([[5, 3]])).shape, vectors.logits(torch.randn(2, 7, 4)).shape
    (torch.Size([1, 2, 4]), torch.Size([2, 7, 9]))
    """

    def __init__(self, symbols: int, size: int) -> None:
        super().__init__()
        self.rows = nn.Embedding(symbols, size, padding_idx=PADDING)
        self.bias = nn.Parameter(torch.zeros(symbols))
        nn.init.normal_(self.rows.weight, std=1 / sqrt(size))
        with torch.no_grad():
            self.rows.weight[PADDING] = 0

    def forward(self, symbols: Tensor) -> Tensor:
        """[...] -> [..., E], as they are read."""
        return self.rows(symbols) * sqrt(self.rows.embedding_dim)

    def logits(self, features: Tensor) -> Tensor:
        """[..., E] -> [..., V]."""
        return features @ self.rows.weight.T + self.bias
