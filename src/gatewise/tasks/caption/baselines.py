"""The baselines of captioning: the most frequent caption, and the caption of the nearest image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.baselines.nearest import MAX_FEATURE_VALUES, nearest_rows
from gatewise.baselines.texts import most_frequent_target, symbol_error_rate
from gatewise.data.images.captions import CaptionBatch, Captions
from gatewise.data.tokenizers.sentences import END, PADDING
from gatewise.modules.beam_search import Hypothesis
from gatewise.modules.network import Baseline
from gatewise.modules.resized_images import SIDE, resize
from gatewise.tasks.caption.network import Captioner

BATCH_SIZE = 256


class CaptionBaseline(Captioner, Baseline):
    """A captioner that is not trained by gradients; its loss is the fraction of wrong symbols."""

    def loss(self, batch: CaptionBatch) -> Tensor:
        return symbol_error_rate(self.caption(batch), batch.target, self.weight(batch))


class MostFrequentCaption(CaptionBaseline):
    """The most frequent caption of the training set, for every image.

    length: the number of symbols of that caption, after learning
    """

    target: Tensor

    def __init__(self, length: int = 0) -> None:
        super().__init__()
        self.register_buffer("target", torch.full((length,), PADDING))

    def fit(self, train: Captions, validation: Captions) -> None:
        self.target = most_frequent_target(train.targets)

    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        return [Hypothesis(self.target.tolist(), 0.0, None) for _ in range(len(batch.images))]

    def options(self) -> dict[str, Any]:
        return {"length": len(self.target)}


class NearestImage(CaptionBaseline):
    """The caption of the training image at the smallest Euclidean distance, after resizing to 16 x 16 pixels.

    channels: C of the images
    images: the number of training images
    length: the maximum number of symbols of their captions
    """

    kept: Tensor
    targets: Tensor

    def __init__(self, channels: int, images: int = 0, length: int = 0) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("kept", torch.zeros(images, channels * SIDE**2))
        self.register_buffer("targets", torch.full((images, length), PADDING))

    def fit(self, train: Captions, validation: Captions) -> None:
        count = min(len(train.numbers), MAX_FEATURE_VALUES // (self.channels * SIDE**2))
        chunks = torch.arange(count).split(BATCH_SIZE)
        self.kept = torch.cat([self._resized(train.pictures(chunk.tolist())) for chunk in chunks])
        firsts = np.unique(train.image_of, return_index=True)[1][:count]  # the first caption of each image
        self.targets = train.targets.padded(firsts)

    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        images = self._resized(batch)
        captions = self.targets[nearest_rows(self.kept, images)].tolist()
        return [Hypothesis(numbers[: numbers.index(END)], 0.0, None) for numbers in captions]

    def options(self) -> dict[str, Any]:
        images, length = self.targets.shape
        return {"channels": self.channels, "images": images, "length": length}

    def _resized(self, batch: CaptionBatch) -> Tensor:
        return resize(batch.images, batch.sizes, (SIDE, SIDE)).flatten(1)
