"""Windows of neighbouring steps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def context_windows(values: Tensor, lengths: Tensor, reach: int) -> Tensor:
    """Concatenates each step with its neighbours, zeros beyond both ends.

    Args:
        values: [B, T, C]
        lengths: [B], in steps
        reach: the number of neighbours on each side

    Returns:
        [B, T, C * (2 * reach + 1)]

    >>> context_windows(torch.tensor([[[1.0], [2.0], [9.0]]]), torch.tensor([2]), 1).tolist()
    [[[0.0, 1.0, 2.0], [1.0, 2.0, 0.0], [2.0, 0.0, 0.0]]]
    """
    is_padding = torch.arange(values.shape[1], device=values.device) >= lengths[:, None]
    values = values.masked_fill(is_padding.unsqueeze(-1), 0)
    return functional.pad(values, (0, 0, reach, reach)).unfold(1, 2 * reach + 1, 1).flatten(2)
