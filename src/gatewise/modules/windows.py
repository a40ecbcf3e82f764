"""The steps around each step."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def windows(values: Tensor, lengths: Tensor, reach: int) -> Tensor:
    """[B, T, C * (2 * reach + 1)]: the steps around each, zeros beyond both ends.

    >>> windows(torch.tensor([[[1.0], [2.0], [9.0]]]), torch.tensor([2]), 1).tolist()
    [[[0.0, 1.0, 2.0], [1.0, 2.0, 0.0], [2.0, 0.0, 0.0]]]
    """
    beyond = torch.arange(values.shape[1], device=values.device) >= lengths[:, None]
    values = values.masked_fill(beyond.unsqueeze(-1), 0)
    return functional.pad(values, (0, 0, reach, reach)).unfold(1, 2 * reach + 1, 1).flatten(2)
