"""Running maxima along an axis of any length, by operations that every exporter has."""

from __future__ import annotations

import torch
from torch import Tensor

DOUBLINGS = 24  # of the reach of a maximum: enough for 16 million steps


def last_places(observed: Tensor) -> Tensor:
    """[B, T, ...]: the place along T of the last true value up to each step, -1 before the first.

    observed: bool

    >>> last_places(torch.tensor([[False, True, False, True]]))
    tensor([[-1,  1,  1,  3]])
    """
    steps = torch.arange(observed.shape[1], device=observed.device)
    shape = (1, -1, *[1] * (observed.dim() - 2))
    found = torch.where(observed, steps.view(shape), -1)
    for doubling in range(DOUBLINGS):
        before = found.index_select(1, (steps - 2**doubling).clamp(min=0))  # the first is part of any prefix
        found = torch.maximum(found, before)
    return found


def values_at(values: Tensor, places: Tensor) -> Tensor:
    """The values [B, T, ...] at places along T of the same shape, NaN for a place of -1."""
    return torch.where(places >= 0, values.gather(1, places.clamp(min=0)), torch.nan)
