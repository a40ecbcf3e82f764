"""The last steps of a series as the state of a model that reads a window at each step."""

from __future__ import annotations

import torch
from torch import Tensor


def pushed(window: Tensor, row: Tensor, steps: Tensor) -> Tensor:
    """The window with a row at its end; before the first step, a window of copies of the row.

    window: [B, L, F]; row: [B, F]; steps: [B, 1], seen before
    """
    row = row.to(window.dtype).unsqueeze(1)
    later = torch.cat([window[:, 1:], row], dim=1)
    return torch.where(steps.unsqueeze(-1) == 0, row.expand_as(window), later)
