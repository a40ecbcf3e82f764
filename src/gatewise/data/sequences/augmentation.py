"""Augmentation: random changes of training sequences that leave their classes as they are, and mixtures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor
from torch.distributions import Beta

from gatewise.data.sequences.sequences import Mixture, SequenceBatch, Sequences
from gatewise.data.sequences.targets import TargetBatch, TargetSequences

Batch = TypeVar("Batch", SequenceBatch, TargetBatch)
Augmentation = Literal["jitter", "scaling", "warping", "mixup"]
NOISE = 0.05  # the standard deviation of jitter, in those of a channel
STRETCH = 0.1  # the standard deviation of the factor of a channel
WINDOW = 0.1  # the fraction of a sequence whose speed changes
SPEEDS = (0.5, 2.0)
CONCENTRATION = 0.2  # of the Beta distribution of a fraction of mixup: most mixtures are nearly one sequence


def jitter(batch: SequenceBatch | TargetBatch) -> Tensor:
    """Adds noise: `x + 0.05 e`, e from N(0, 1) for each value; [B, T, C]."""
    return batch.values + NOISE * torch.randn_like(batch.values)


def scale(batch: SequenceBatch | TargetBatch) -> Tensor:
    """Scales each channel: `x (1 + 0.1 e)`, e from N(0, 1) for each sequence and channel; [B, T, C]."""
    rows, _, channels = batch.values.shape
    return batch.values * (1 + STRETCH * torch.randn(rows, 1, channels, device=batch.values.device))


def warp(batch: SequenceBatch | TargetBatch) -> Tensor:
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


def mixup(batch: Batch) -> Batch:
    """Mixes each sequence with another of its batch: `k x + (1 - k) x'`, k from Beta(0.2, 0.2) for each.

    Source: Zhang, Cisse, Dauphin and Lopez-Paz 2018.
    """
    kept = Beta(CONCENTRATION, CONCENTRATION).sample(batch.lengths.shape).to(batch.values)
    return mix(batch, draw_partners(batch), kept)


def draw_partners(batch: SequenceBatch | TargetBatch) -> Tensor:
    """A random permutation of the rows [B], within each fold: a fold left out is in no other sequence."""
    order = torch.randperm(len(batch.lengths), device=batch.lengths.device)
    if batch.folds is None:
        return order
    partners = torch.empty_like(order)
    partners[batch.folds.argsort(stable=True)] = order[batch.folds[order].argsort(stable=True)]
    return partners


def mix(batch: Batch, partners: Tensor, kept: Tensor) -> Batch:
    """Mixes each sequence with another one, step by step, over the steps that both have.

    A sequence keeps its length; where it is longer than the other one, its values are unchanged.

    `L_n = k_n w_n l(y_n) + (1 - k_n) w_m l(y_m)`, m = partners_n, is the loss of a mixture, whose weight is
    `k_n w_n + (1 - k_n) w_m`, so that each label has the weight of its own sequence. Of sequences with any
    number of labels, so is the binary cross-entropy of each label, which is that of a mean of both targets.

    Args:
        batch: sequences with one label each, or with labels as targets of 0 and 1
        partners: [B], the number of the other sequence
        kept: k [B], the fractions of the sequences themselves
    """
    other = batch.rows(partners)
    steps = torch.arange(batch.values.shape[1], device=batch.lengths.device)
    in_both = (steps < batch.lengths.minimum(other.lengths)[:, None]).unsqueeze(-1)
    mixed = other.values.lerp(batch.values, kept[:, None, None])
    values = torch.where(in_both, mixed, batch.values)
    if isinstance(batch, SequenceBatch):
        weights, fractions = _mixed_weights(batch.weights, other.weights, kept)
        mixture = Mixture(other.labels, fractions)
        return batch._replace(values=values, weights=weights, mixture=mixture)
    own_weights, other_weights = (_weights_of_targets(one) for one in (batch, other))
    by_target = kept if own_weights is None else kept.reshape(-1, *[1] * (own_weights.ndim - 1))
    weights, fractions = _mixed_weights(own_weights, other_weights, by_target)
    targets = batch.targets.lerp(other.targets, fractions.reshape(len(kept), -1).expand_as(batch.targets))
    batch = batch._replace(values=values, targets=targets, weights=None)
    if batch.target_weights is None:
        return batch._replace(weights=weights)
    return batch._replace(target_weights=weights)


def _weights_of_targets(batch: TargetBatch) -> Tensor | None:
    """The weight of each target [B, K], or of each sequence [B] if those of its targets are equal."""
    if batch.target_weights is None or batch.weights is None:
        return batch.weights if batch.target_weights is None else batch.target_weights
    return batch.weights[:, None] * batch.target_weights


def _mixed_weights(own: Tensor | None, other: Tensor | None, kept: Tensor) -> tuple[Tensor | None, Tensor]:
    """The weights of mixtures, and the fractions of the other sequences in their losses."""
    if own is None or other is None:
        return None, 1 - kept
    weights = kept * own + (1 - kept) * other
    return weights, (1 - kept) * other / weights.clamp(min=torch.finfo(weights.dtype).tiny)


def _changing_values(change: Callable[[Any], Tensor]) -> Callable[[Any], Any]:
    """A change of a batch from one of its values; padding stays zero."""

    def changed(batch: Any) -> Any:
        valid = (torch.arange(batch.values.shape[1]) < batch.lengths[:, None]).unsqueeze(-1)
        return batch._replace(values=torch.where(valid, change(batch), 0.0))

    return changed


AUGMENTATIONS: dict[Augmentation, Callable[[Any], Any]] = {
    "jitter": _changing_values(jitter),
    "scaling": _changing_values(scale),
    "warping": _changing_values(warp),
    "mixup": mixup,
}


class AugmentedSequences(Sequences):
    """Sequences that are changed at random whenever they are read.

    sequences: as they are; methods: applied in this order
    """

    methods: tuple[Augmentation, ...]

    def __init__(self, sequences: Sequences, methods: Sequence[Augmentation]) -> None:
        vars(self).update(vars(sequences))
        self.methods = tuple(methods)

    def __getitems__(self, chosen: list[int]) -> SequenceBatch:
        return _augmented(super().__getitems__(chosen), self.methods)


class AugmentedTargets(TargetSequences):
    """Sequences with labels as targets of 0 and 1, changed in the same way.

    sequences: as they are; methods: applied in this order
    """

    methods: tuple[Augmentation, ...]

    def __init__(self, sequences: TargetSequences, methods: Sequence[Augmentation]) -> None:
        vars(self).update(vars(sequences))
        self.methods = tuple(methods)

    def __getitems__(self, chosen: list[int]) -> TargetBatch:
        return _augmented(super().__getitems__(chosen), self.methods)


def _augmented(batch: Batch, methods: Sequence[Augmentation]) -> Batch:
    for method in methods:
        batch = AUGMENTATIONS[method](batch)
    return batch
