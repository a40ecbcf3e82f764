"""Augmentation: random changes of training sequences that leave their classes as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from gatewise.data.sequences.sequences import SequenceBatch, Sequences

Augmentation = Literal["jitter", "scaling", "warping"]
NOISE = 0.05  # the standard deviation of jitter, in those of a channel
STRETCH = 0.1  # the standard deviation of the factor of a channel
WINDOW = 0.1  # the fraction of a sequence whose speed changes
SPEEDS = (0.5, 2.0)


def jitter(batch: SequenceBatch) -> Tensor:
    """Adds noise: `x + 0.05 e`, e from N(0, 1) for each value; [B, T, C]."""
    return batch.values + NOISE * torch.randn_like(batch.values)


def scale(batch: SequenceBatch) -> Tensor:
    """Scales each channel: `x (1 + 0.1 e)`, e from N(0, 1) for each sequence and channel; [B, T, C]."""
    rows, _, channels = batch.values.shape
    return batch.values * (1 + STRETCH * torch.randn(rows, 1, channels, device=batch.values.device))


def warp(batch: SequenceBatch) -> Tensor:
    """Window warping: a tenth of each sequence runs at half or at double speed; [B, T, C].

    The sequence keeps its length: all of it is resampled by linear interpolation.

    Source: Le Guennec, Malinowski and Tavenard 2016.
    """
    values, device = batch.values, batch.values.device
    last = batch.lengths[:, None] - 1  # [B, 1]
    window = WINDOW * (last + 1)
    start = torch.rand_like(window) * (last - window).clamp(min=0)
    factor = torch.tensor(SPEEDS, device=device)[torch.randint(2, window.shape, device=device)]
    warped = window * factor  # the steps that the window takes then
    place = torch.arange(values.shape[1], device=device) * (1 + (warped - window) / last.clamp(min=1))
    inside, behind = start + (place - start) / factor, place - warped + window
    source = torch.where(place < start, place, torch.where(place < start + warped, inside, behind))
    source = source.clamp(min=0).minimum(last)
    before = source.floor().long()
    after, row = (before + 1).minimum(last), torch.arange(len(values), device=device)[:, None]
    return values[row, before].lerp(values[row, after], (source - before).unsqueeze(-1))


AUGMENTATIONS: dict[Augmentation, Callable[[SequenceBatch], Tensor]] = {
    "jitter": jitter,
    "scaling": scale,
    "warping": warp,
}


class AugmentedSequences(Sequences):
    """Sequences that are changed at random whenever they are read.

    sequences: as they are; methods: applied in this order
    """

    def __init__(self, sequences: Sequences, methods: Sequence[Augmentation]) -> None:
        vars(self).update(vars(sequences))
        self.methods = tuple(methods)

    def __getitems__(self, chosen: list[int]) -> SequenceBatch:
        batch = super().__getitems__(chosen)
        valid = (torch.arange(batch.values.shape[1]) < batch.lengths[:, None]).unsqueeze(-1)
        for method in self.methods:
            batch = batch._replace(values=torch.where(valid, AUGMENTATIONS[method](batch), 0.0))
        return batch
