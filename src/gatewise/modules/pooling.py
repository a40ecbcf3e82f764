"""Pooling of the hidden states of all steps of a sequence."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

PoolingMode = Literal["last", "mean", "max", "attention"]


class Pooling(nn.Module):
    """Pools the outputs of a layer into one vector for each sequence, without padding.

    - "last": the final hidden state of each direction
    - "mean": `1/T sum_t h_t`
    - "max": `max_t h_t` of each unit
    - "attention": `sum_t a_t h_t`, `a = softmax_t(v^T tanh(W h_t + b))` (Yang et al. 2016)

    Args:
        mode: one of these
        width: H, of both directions together
        bidirectional: whether the outputs are of two directions

    >>> pooling = Pooling("attention", width=8)
    >>> pooling(torch.randn(2, 5, 8), torch.tensor([5, 3])).shape
    torch.Size([2, 8])
    """

    mode: PoolingMode
    bidirectional: bool
    score: nn.Sequential | None

    def __init__(self, mode: PoolingMode, width: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.mode, self.bidirectional = mode, bidirectional
        self.score = None
        if mode == "attention":
            self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Outputs [B, T, H] and lengths [B], all positive -> [B, H]."""
        if self.mode == "last":
            return self._last(outputs, lengths)
        if self.mode == "max":
            return outputs.masked_fill(~_valid(outputs, lengths).unsqueeze(-1), -torch.inf).amax(1)
        return (self.weights(outputs, lengths).unsqueeze(1) @ outputs).squeeze(1)

    def weights(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """[B, T]: the weights of the steps, which sum to one; zero for padding."""
        valid = _valid(outputs, lengths)
        if self.score is None:
            return valid.to(outputs.dtype) / lengths.unsqueeze(1)
        scores = self.score(outputs).squeeze(-1)
        return scores.masked_fill(~valid, -torch.inf).softmax(-1)

    def _last(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        rows = torch.arange(outputs.shape[0], device=outputs.device)
        end = outputs[rows, lengths - 1]
        if not self.bidirectional:
            return end
        width = outputs.shape[-1] // 2  # the backward direction ends at the first step
        return torch.cat([end[:, :width], outputs[:, 0, width:]], dim=-1)


def _valid(outputs: Tensor, lengths: Tensor) -> Tensor:
    """[B, T], bool: False for padding."""
    return torch.arange(outputs.shape[1], device=outputs.device) < lengths.unsqueeze(1)
