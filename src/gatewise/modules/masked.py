"""Batch normalization and means that leave padding out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def normalize_valid(norm: nn.BatchNorm1d, maps: Tensor, valid: Tensor) -> Tensor:
    """Batch normalization over the valid steps of a batch: [B, T, F], zero where not `valid` [B, T].

    >>> maps, valid = torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]])
    >>> normalize_valid(nn.BatchNorm1d(1), maps, valid).round().tolist()
    [[[-1.0], [1.0], [0.0]]]
    """
    if not norm.training:  # each step is normalized alone
        return norm(maps.transpose(1, 2)).transpose(1, 2).masked_fill(~valid.unsqueeze(-1), 0.0)
    output = torch.zeros_like(maps)
    output[valid] = norm(maps[valid])
    return output


def mean_valid(values: Tensor, valid: Tensor) -> Tensor:
    """The mean over the `valid` steps [B, T]; the others are zero: [B, T, F] -> [B, F]."""
    return values.sum(1) / valid.sum(1, keepdim=True)
