"""The nearest training sequence by Euclidean distance, after resampling to one length."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gatewise.baselines.nearest import nearest_rows
from gatewise.baselines.sequence_features import (
    RESAMPLED_STEPS,
    draw_examples,
    resampled,
    sequence_features,
)
from gatewise.data.sequences.targets import TargetBatch, TargetSequences


class NearestSequence(nn.Module):
    """Training sequences, resampled to one length, and their targets.

    Args:
        channels: C, the number of channels
        targets: K, the number of targets
        examples: the number of training sequences that are kept
        steps: the length of a resampled sequence
    """

    channels: int
    steps: int
    kept: Tensor
    known: Tensor

    def __init__(self, channels: int, targets: int, examples: int = 0, steps: int = RESAMPLED_STEPS) -> None:
        super().__init__()
        self.channels, self.steps = channels, steps
        self.register_buffer("kept", torch.zeros(examples, channels * steps))
        self.register_buffer("known", torch.zeros(examples, targets))

    def keep(self, train: TargetSequences) -> None:
        """Keeps all training sequences, or a random sample of a large training set."""
        drawn = draw_examples(len(train), self.channels * self.steps)
        self.kept, rows = sequence_features(train, self.features, drawn)
        self.known = train.targets[rows]

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """[B, C * steps]: sequences [B, T, C] of lengths [B], resampled."""
        return resampled(values, lengths, self.steps)

    def nearest_targets(self, batch: TargetBatch) -> Tensor:
        """[B, K]: the targets of the training sequence that is nearest to each of a batch."""
        return self.known[nearest_rows(self.kept, self.features(batch.values, batch.lengths))]

    def sizes(self) -> dict[str, int]:
        """The arguments of the constructor."""
        return {
            "channels": self.channels,
            "targets": self.known.shape[1],
            "examples": len(self.kept),
            "steps": self.steps,
        }
