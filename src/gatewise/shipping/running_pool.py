"""Pooling of the hidden states of all steps so far, updated at each step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gatewise.modules.pooling import Pooling


class RunningPool(nn.Module):
    """The result of `Pooling` for the steps so far.

    - "last": the output of this step
    - "mean": `m_t = m_{t-1} + (h_t - m_{t-1}) / t`
    - "max": `m_t = max(m_{t-1}, h_t)`
    - "attention": the weighted mean, with weights relative to the highest score so far

    Args:
        pooling: of a trained model, in one direction
    """

    mode: str
    score: nn.Sequential | None

    def __init__(self, pooling: Pooling) -> None:
        super().__init__()
        self.mode, self.score = pooling.mode, pooling.score

    def initial(self, width: int) -> dict[str, Tensor]:
        """The states before the first step, [1, ...] each."""
        if self.mode == "last":
            return {}
        if self.mode == "max":
            return {"highest": torch.full((1, width), -torch.inf)}
        if self.mode == "mean":
            return {"steps": torch.zeros(1, 1, dtype=torch.int64), "mean": torch.zeros(1, width)}
        score, weight = torch.full((1, 1), -torch.inf), torch.zeros(1, 1)
        return {"highest_score": score, "weight": weight, "mean": torch.zeros(1, width)}

    def forward(self, output: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output of a step [B, H] and states -> the pooled output [B, H], and new states."""
        if self.mode == "last":
            return output, ()
        if self.mode == "max":
            highest = torch.maximum(states[0], output)
            return highest, (highest,)
        if self.mode == "mean":
            steps = states[0] + 1
            mean = states[1] + (output - states[1]) / steps
            return mean, (steps, mean)
        assert self.score is not None
        before, weight, mean = states
        score = self.score(output)
        highest = torch.maximum(before, score)
        own = (score - highest).exp()
        total = weight * (before - highest).exp() + own
        mean = mean + (output - mean) * (own / total)
        return mean, (highest, total, mean)
