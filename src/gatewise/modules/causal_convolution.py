"""A front end for sequences: causal convolutions, before a recurrent layer reads them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CausalConvolution(nn.Module):
    """Patterns of a few steps, beside the steps themselves: `y_t = [x_t, relu(b + sum_k W_k x_{t-k})]`.

    Nothing after a step is seen at it. Before the first step, the first is taken as repeated.

    features: I of a step; filters: how many patterns; width: the steps of a pattern
    outputs: I + filters, the numbers of a step after it
    Source: the convolutional component of Lai et al. 2018, Modeling long- and short-term temporal patterns.

    >>> front = CausalConvolution(3, filters=8)
    >>> front(torch.randn(2, 20, 3)).shape
    torch.Size([2, 20, 11])
    """

    def __init__(self, features: int, filters: int = 32, width: int = 6) -> None:
        super().__init__()
        self.width, self.outputs = width, features + filters
        self.convolution = nn.Conv1d(features, filters, width)

    def forward(self, steps: Tensor) -> Tensor:
        """[B, T, I] -> [B, T, I + filters]."""
        before = functional.pad(steps.transpose(1, 2), (self.width - 1, 0), mode="replicate")
        found = self.convolution(before).relu().transpose(1, 2)
        return torch.cat([steps, found], dim=-1)
