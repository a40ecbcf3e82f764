"""Pooling of the hidden states of all steps of a sequence."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

How = Literal["last", "mean", "max", "attention"]


class Pooling(nn.Module):
    """One vector for each sequence; padding does not count.

    how: "last", the final hidden state of each direction
        "mean", `1/T sum_t h_t`
        "max", `max_t h_t` of each unit
        "attention", `sum_t a_t h_t`, `a = softmax_t(v^T tanh(W h_t + b))` (Yang et al. 2016)
    width: H, of both directions together; bidirectional: whether the hidden states are of two directions

    >>> pooling = Pooling("attention", width=8)
    >>> pooling(torch.randn(2, 5, 8), torch.tensor([5, 3])).shape
    torch.Size([2, 8])
    """

    def __init__(self, how: How, width: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.how, self.bidirectional = how, bidirectional
        self.score = None
        if how == "attention":
            self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, hiddens: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, H] and lengths [B], none of them zero -> [B, H]."""
        if self.how == "last":
            return self._last(hiddens, lengths)
        if self.how == "max":
            return hiddens.masked_fill(~_valid(hiddens, lengths).unsqueeze(-1), -torch.inf).amax(1)
        return (self.weights(hiddens, lengths).unsqueeze(1) @ hiddens).squeeze(1)

    def weights(self, hiddens: Tensor, lengths: Tensor) -> Tensor:
        """[B, T]: the weight of each step; they sum up to one, and are zero for padding."""
        valid = _valid(hiddens, lengths)
        if self.score is None:
            return valid.to(hiddens.dtype) / lengths.unsqueeze(1)
        scores = self.score(hiddens).squeeze(-1)
        return scores.masked_fill(~valid, -torch.inf).softmax(-1)

    def _last(self, hiddens: Tensor, lengths: Tensor) -> Tensor:
        rows = torch.arange(len(hiddens), device=hiddens.device)
        end = hiddens[rows, lengths - 1]
        if not self.bidirectional:
            return end
        width = hiddens.shape[-1] // 2  # the backward direction ends at the first step
        return torch.cat([end[:, :width], hiddens[:, 0, width:]], dim=-1)


def _valid(hiddens: Tensor, lengths: Tensor) -> Tensor:
    """[B, T]: whether a step is part of its sequence, not padding."""
    return torch.arange(hiddens.shape[1], device=hiddens.device) < lengths.unsqueeze(1)
