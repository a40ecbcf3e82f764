"""From the hiddens of all steps of a sequence to one summary of it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

How = Literal["last", "mean", "max", "attention"]


class Pooling(nn.Module):
    """One vector for each sequence; steps behind its end do not count.

    how: "last", where each direction ended
        "mean", `1/T sum_t h_t`
        "max", of each unit the largest, `max_t h_t`: what was seen at any time is not forgotten
        "attention", `sum_t a_t h_t`, `a = softmax_t(v^T tanh(W h_t + b))` (Yang et al. 2016)
    width: H, of both directions together; both: whether the hiddens are of two directions, side by side

    >>> pooling = Pooling("attention", width=8)
    >>> pooling(torch.randn(2, 5, 8), torch.tensor([5, 3])).shape
    torch.Size([2, 8])
    """

    def __init__(self, how: How, width: int, both: bool = False) -> None:
        super().__init__()
        self.how, self.both = how, both
        self.score = None
        if how == "attention":
            self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, hiddens: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, H] and lengths [B], none of them zero -> [B, H]."""
        if self.how == "last":
            return self._last(hiddens, lengths)
        if self.how == "max":
            return hiddens.masked_fill(~_there(hiddens, lengths).unsqueeze(-1), -torch.inf).amax(1)
        return (self.weights(hiddens, lengths).unsqueeze(1) @ hiddens).squeeze(1)

    def weights(self, hiddens: Tensor, lengths: Tensor) -> Tensor:
        """[B, T]: how much each step counts. They sum up to one, and are zero behind the end."""
        there = _there(hiddens, lengths)
        if self.score is None:
            return there.to(hiddens.dtype) / lengths.unsqueeze(1)
        scores = self.score(hiddens).squeeze(-1)
        return scores.masked_fill(~there, -torch.inf).softmax(-1)

    def _last(self, hiddens: Tensor, lengths: Tensor) -> Tensor:
        rows = torch.arange(len(hiddens), device=hiddens.device)
        end = hiddens[rows, lengths - 1]
        if not self.both:
            return end
        width = hiddens.shape[-1] // 2  # the backward direction ends at the first step
        return torch.cat([end[:, :width], hiddens[:, 0, width:]], dim=-1)


def _there(hiddens: Tensor, lengths: Tensor) -> Tensor:
    """[B, T]: whether a step is of its sequence, not behind its end."""
    return torch.arange(hiddens.shape[1], device=hiddens.device) < lengths.unsqueeze(1)
