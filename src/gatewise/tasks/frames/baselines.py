"""Logistic regression on the mean frame of a clip, which does not depend on the order of frames."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.baselines.logistic import fit_logistic
from gatewise.data.batching import iterate_batches
from gatewise.data.images.clips import ClipBatch, LabelledClips
from gatewise.modules.classifier import Classifier
from gatewise.modules.network import Baseline

SIDE = 16  # the maximum side of a resized mean frame, in pixels


class MeanFrame(Classifier, Baseline):
    """`logits = W mean_t(frame_t) + b`, of frames resized to 16 x 16, and of the clip's length.

    Args:
        channels, height, width: the shape of the frames
        classes: K, the number of classes
    """

    side: tuple[int, int]
    linear: nn.Linear

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        self.side = min(height, SIDE), min(width, SIDE)
        self.linear = nn.Linear(1 + channels * self.side[0] * self.side[1], classes).requires_grad_(False)
        self._options = {"channels": channels, "height": height, "width": width, "classes": classes}

    def features(self, batch: ClipBatch) -> Tensor:
        """[B, F]: the mean frame, and the logarithm of the length."""
        mean = batch.frames.sum(1) / batch.lengths.reshape(-1, 1, 1, 1)
        small = functional.adaptive_avg_pool2d(mean.permute(0, 3, 1, 2), self.side)
        return torch.cat([small.flatten(1), batch.lengths.float().log().unsqueeze(1)], dim=1)

    def logits(self, batch: ClipBatch) -> Tensor:
        return self.linear(self.features(batch))

    def fit(self, train: LabelledClips, validation: LabelledClips) -> None:
        sets = (*self._features_of(train), *self._features_of(validation))
        weight, bias = fit_logistic(*sets, self.linear.out_features)
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias)

    def options(self) -> dict[str, Any]:
        return dict(self._options)

    def _features_of(self, dataset: LabelledClips) -> tuple[Tensor, Tensor]:
        """The features [N, F] and labels [N] of all clips."""
        batches = [(self.features(batch), batch.labels) for _, batch in iterate_batches(dataset)]
        features, labels = zip(*batches, strict=True)
        return torch.cat(features), torch.cat(labels)
