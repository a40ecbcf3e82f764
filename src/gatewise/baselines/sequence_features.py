"""Features of sequences of any length that baselines compare or learn from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gatewise.baselines.nearest import MAX_FEATURE_VALUES
from gatewise.data.batching import iterate_batches
from gatewise.data.sequences.sequences import ScaledSequences

SUMMARIES = 7
RESAMPLED_STEPS = 64


def summaries(values: Tensor, lengths: Tensor) -> Tensor:
    """Summary statistics of sequences [B, T, C] of these lengths [B]: [B, 1 + 7 C].

    The logarithm of the length; the mean, standard deviation, minimum, maximum, first value, last value and
    mean absolute change of each channel.

    >>> summaries(torch.tensor([[[1.0], [3.0], [0.0]]]), torch.tensor([2]))
    tensor([[0.6931, 2.0000, 1.0000, 1.0000, 3.0000, 1.0000, 3.0000, 2.0000]])
    """
    rows, lengths = torch.arange(len(values), device=values.device), lengths[:, None]
    valid = (torch.arange(values.shape[1], device=values.device) < lengths).unsqueeze(-1)
    mean = (values * valid).sum(1) / lengths
    deviation = (((values - mean.unsqueeze(1)) * valid).square().sum(1) / lengths).sqrt()
    minimum = values.masked_fill(~valid, torch.inf).amin(1)
    maximum = values.masked_fill(~valid, -torch.inf).amax(1)
    last = values[rows, lengths[:, 0] - 1]
    change = (values.diff(dim=1).abs() * valid[:, 1:]).sum(1) / (lengths - 1).clamp(min=1)
    statistics = [lengths.float().log(), mean, deviation, minimum, maximum, values[:, 0], last, change]
    return torch.cat(statistics, dim=-1)


def resampled(values: Tensor, lengths: Tensor, steps: int = RESAMPLED_STEPS) -> Tensor:
    """[B, steps * C]: sequences [B, T, C] of these lengths [B], each resampled by linear interpolation.

    >>> resampled(torch.tensor([[[0.0], [2.0], [9.0]]]), torch.tensor([2]), steps=3)
    tensor([[0., 1., 2.]])
    """
    lengths = lengths[:, None]
    position = torch.linspace(0, 1, steps, dtype=torch.float64, device=lengths.device) * (lengths - 1)
    before = position.long()
    after = (before + 1).minimum(lengths - 1)
    fraction = (position - before).unsqueeze(-1).to(values.dtype)
    rows = torch.arange(len(lengths), device=lengths.device)[:, None]
    return torch.lerp(values[rows, before], values[rows, after], fraction).flatten(1)


def sequence_features(
    dataset: ScaledSequences, compute: Callable[[Tensor, Tensor], Tensor], numbers: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The features [N, F] of all sequences, or of those with these `numbers`, and the number [N] of each.

    compute: the features of sequences [B, T, C] of lengths [B]
    """
    batches = [
        (compute(batch.values, batch.lengths), rows) for rows, batch in iterate_batches(dataset, numbers)
    ]
    features, rows = zip(*batches, strict=True)
    return torch.cat(features), torch.cat(rows)


def draw_examples(count: int, features: int) -> Tensor:
    """The numbers of all examples, or of a random sample whose features fit into memory, in random order."""
    most = max(MAX_FEATURE_VALUES // features, 1)
    return torch.randperm(count, generator=torch.Generator().manual_seed(0))[:most]
