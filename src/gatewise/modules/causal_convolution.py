"""Causal convolutions of a sequence, computed before a recurrent layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CausalConvolution(nn.Module):
    """A causal convolution, concatenated with its input: `y_t = [x_t, relu(b + sum_k W_k x_{t-k})]`.

    The output at a step does not depend on later steps. The first step is repeated as left padding.
    `outputs` is I + filters, the number of output features.

    Args:
        features: I, the number of input features
        filters: the number of filters
        width: the width of a filter in steps

    Source: the convolutional component of Lai et al. 2018, Modeling long- and short-term temporal patterns.

    >>> front = CausalConvolution(3, filters=8)
    >>> front(torch.randn(2, 20, 3)).shape
    torch.Size([2, 20, 11])
    """

    width: int
    outputs: int
    convolution: nn.Conv1d

    def __init__(self, features: int, filters: int = 32, width: int = 6) -> None:
        super().__init__()
        self.width, self.outputs = width, features + filters
        self.convolution = nn.Conv1d(features, filters, width)

    def forward(self, steps: Tensor) -> Tensor:
        """Convolves sequences: [B, T, I] -> [B, T, I + filters]."""
        padded = functional.pad(steps.transpose(1, 2), (self.width - 1, 0), mode="replicate")
        convolved = self.convolution(padded).relu().transpose(1, 2)
        return torch.cat([steps, convolved], dim=-1)
