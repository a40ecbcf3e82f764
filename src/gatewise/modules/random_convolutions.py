"""MiniRocket: features of sequences by thousands of small convolutions that are not trained."""

from __future__ import annotations

from itertools import combinations
from math import ceil, log2, sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from gatewise.data.sequences.sequences import ScaledSequences

TAPS = 9  # of a kernel; three of them are 2, the others -1
POSITIVE_TAPS = tuple(combinations(range(TAPS), 3))
KERNELS = len(POSITIVE_TAPS)  # 84
MAX_DILATIONS = 32
MAX_CHANNELS = 9  # that one kernel adds
LEVELS_AT_ONCE = 16  # in a graph
CACHED_VALUES = 1 << 18  # of the outputs of a block of sequences
GOLDEN_RATIO = (1 + sqrt(5)) / 2


class RandomConvolutions(nn.Module):
    """The fraction of steps at which a convolution is above a threshold, for many fixed convolutions.

    `y_t = sum_c sum_j w_j x_{t + (j - 4) d, c}`, `feature = mean_t [y_t > b]`

    The 84 kernels `w` are all with six weights of -1 and three of 2; each is applied with up to 32 dilations
    `d`, to a random set of channels. The thresholds `b` are quantiles of its output for a random training
    sequence. Every second kernel reads zeros beyond the ends of a sequence; the others stay inside.

    Args:
        channels: C
        length: the length T of the longest training sequence, which limits the dilations
        features: F, rounded down to a multiple of 84

    Source: Dempster, Schmidt and Webb 2021, and their variant for several channels and unequal lengths.

    >>> convolutions = RandomConvolutions(channels=3, length=50, features=168)
    >>> convolutions(torch.randn(2, 50, 3), torch.tensor([50, 20])).shape
    torch.Size([2, 168])
    """

    channels: int
    features: int
    dilations: list[tuple[int, int]]
    kernels: Tensor
    channel_masks: Tensor
    thresholds: Tensor

    def __init__(self, channels: int, length: int, features: int = 9_996) -> None:
        super().__init__()
        self.channels, self.features = channels, KERNELS * max(features // KERNELS, 1)
        self.dilations = _dilations(length, self.features // KERNELS)
        kernels = torch.full((KERNELS, TAPS), -1.0)
        kernels.scatter_(1, torch.tensor(POSITIVE_TAPS), 2.0)
        self.register_buffer("kernels", kernels.unsqueeze(1), persistent=False)
        self.register_buffer("channel_masks", torch.ones(len(self.dilations), KERNELS, channels))
        self.register_buffer("thresholds", torch.zeros(self.features))

    def fit(self, train: ScaledSequences, seed: int = 0) -> None:
        """Draws the channels of each kernel, and its thresholds from the training sequences."""
        random = torch.Generator().manual_seed(seed)
        self.channel_masks = self._draw_channels(random)
        thresholds, drawn = [], 0
        for number, (_, count) in enumerate(self.dilations):
            examples = torch.randint(len(train), (KERNELS,), generator=random)
            batch = train.__getitems__(examples.tolist())
            levels = (torch.arange(1, KERNELS * count + 1) + drawn) * GOLDEN_RATIO % 1
            drawn += KERNELS * count
            stacked = batch.values.transpose(1, 2).reshape(1, -1, batch.values.shape[1])
            outputs = self._convolve(number, stacked, groups=KERNELS)[0]  # each for its own example
            thresholds += [
                torch.quantile(row[:length], level)
                for row, length, level in zip(
                    outputs, batch.lengths.tolist(), levels.view(KERNELS, count), strict=True
                )
            ]
        self.thresholds = torch.cat(thresholds)

    @torch.no_grad()
    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Sequences [B, T, C] of these lengths [B] -> [B, F]; values beyond the lengths must be zero."""
        if torch.compiler.is_compiling():  # sizes are not known yet
            return self._features(values.transpose(1, 2), lengths)
        rows = max(CACHED_VALUES // (KERNELS * values.shape[1]), 1)
        blocks = zip(values.transpose(1, 2).split(rows), lengths.split(rows), strict=True)
        return torch.cat([self._features(*block) for block in blocks])

    def _features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """[B, C, T] -> [B, F]."""
        features = []
        thresholds = self.thresholds.split([KERNELS * count for _, count in self.dilations])
        for number, (dilation, count) in enumerate(self.dilations):
            output = self._convolve(number, values)
            # Kernels of even numbers are padded where the dilation's number is even, else those of odd ones.
            for first in (0, 1):
                margin = 0 if (first + number) % 2 == 0 else TAPS // 2 * dilation
                levels = thresholds[number].view(KERNELS, count)[first::2]
                features.append(_fractions_above(output[:, first::2], lengths, margin, levels))
        return torch.cat(features, dim=1)

    def _convolve(self, number: int, values: Tensor, groups: int = 1) -> Tensor:
        """The outputs of all kernels at one dilation: [B, C, T] -> [B, 84, T]."""
        weight, dilation = self.channel_masks[number].unsqueeze(-1) * self.kernels, self.dilations[number][0]
        padding = TAPS // 2 * dilation
        return functional.conv1d(values, weight, dilation=dilation, padding=padding, groups=groups)

    def _draw_channels(self, random: torch.Generator) -> Tensor:
        """[D, 84, C]: 1 for the channels that a kernel adds; few of them more often than many."""
        masks = torch.zeros_like(self.channel_masks)
        most = log2(min(self.channels, MAX_CHANNELS) + 1)
        for mask in masks.flatten(0, 1):
            count = int(2 ** (float(torch.rand((), generator=random)) * most))
            mask[torch.randperm(self.channels, generator=random)[:count]] = 1.0
        return masks


def _fractions_above(outputs: Tensor, lengths: Tensor, margin: int, levels: Tensor) -> Tensor:
    """The fraction of steps at which outputs are above levels, without a margin at both ends.

    outputs: [B, kernels, T]; lengths: [B]; levels: [kernels, n]; returns [B, kernels * n]
    """
    step = torch.arange(outputs.shape[-1], device=outputs.device)
    outside = (step < margin) | (step >= (lengths - margin).unsqueeze(1))
    inside = outputs.masked_fill(outside.unsqueeze(1), -torch.inf)
    total = (lengths - 2 * margin).clamp(min=1)
    return (_counts_above(inside, levels) / total[:, None, None]).flatten(1)


def _counts_above(values: Tensor, levels: Tensor) -> Tensor:
    """The number of steps at which values [B, kernels, T] are above levels [kernels, n]: [B, kernels, n]."""
    if torch.compiler.is_compiling():  # a graph of several levels for each operation, and without a buffer
        blocks = levels.split(LEVELS_AT_ONCE, dim=-1)
        return torch.cat([(values.unsqueeze(2) > one.unsqueeze(-1)).sum(-1) for one in blocks], dim=-1)
    buffer = torch.empty_like(values)  # several times faster than the sum of a boolean tensor
    counts = [torch.gt(values, level.unsqueeze(-1), out=buffer).sum(-1) for level in levels.unbind(-1)]
    return torch.stack(counts, dim=-1)


def _dilations(length: int, count: int) -> list[tuple[int, int]]:
    """The dilations of kernels that span at most `length` steps, and the thresholds that each has.

    >>> _dilations(17, 5)
    [(1, 4), (2, 1)]
    """
    steps = min(count, MAX_DILATIONS)
    largest = log2(max((length - 1) / (TAPS - 1), 1))
    exponents = [largest * step / max(steps - 1, 1) for step in range(steps)]
    values = [int(2**exponent) for exponent in exponents]
    dilations = sorted(set(values))
    ends = [ceil(count * sum(one <= dilation for one in values) / steps) for dilation in dilations]
    return [
        (dilation, end - start) for dilation, end, start in zip(dilations, ends, [0, *ends], strict=False)
    ]
