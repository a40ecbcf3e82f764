"""What a network that tells captions must beat: one caption for all, and that of the nearest image."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.data.images.captions import CaptionBatch, Captions
from gatewise.data.text.symbols import END, PADDING
from gatewise.modules.beam_search import Hypothesis
from gatewise.modules.network import Baseline
from gatewise.modules.resized_images import NUMBERS_KEPT, SIDE, brought
from gatewise.tasks.caption.network import Captioner

AT_ONCE = 256


class CaptionBaseline(Captioner, Baseline):
    """Its loss is the share of symbols that it gets wrong, place by place."""

    def loss(self, batch: CaptionBatch) -> Tensor:
        right = 0
        for found, true in zip(self.caption(batch), batch.target.tolist(), strict=True):
            right += sum(one == other for one, other in zip([*found.numbers, END], true, strict=False))
        return torch.tensor(1 - right / self.weight(batch))


class MostFrequentCaption(CaptionBaseline):
    """The most frequent caption of all, whatever the image. longest: its symbols, once it is known."""

    target: Tensor

    def __init__(self, longest: int = 0) -> None:
        super().__init__()
        self.register_buffer("target", torch.full((longest,), PADDING))

    def learn(self, train: Captions, validation: Captions) -> None:
        counts = Counter(train.targets[row].tobytes() for row in range(len(train)))
        often = np.frombuffer(counts.most_common(1)[0][0], train.targets.numbers.dtype)[:-1]
        self.target = torch.from_numpy(often.astype(np.int64))

    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        return [Hypothesis(self.target.tolist(), 0.0, None) for _ in range(len(batch.images))]

    def options(self) -> dict[str, Any]:
        return {"longest": len(self.target)}


class NearestImage(CaptionBaseline):
    """The caption of the training image that is nearest by Euclid's distance, all brought to 16 x 16 pixels.

    channels: C of the images; images, longest: how many are kept, and the symbols of their captions
    """

    kept: Tensor
    targets: Tensor

    def __init__(self, channels: int, images: int = 0, longest: int = 0) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("kept", torch.zeros(images, channels * SIDE**2))
        self.register_buffer("targets", torch.full((images, longest), PADDING))

    def learn(self, train: Captions, validation: Captions) -> None:
        count = min(len(train.numbers), NUMBERS_KEPT // (self.channels * SIDE**2))
        places = torch.arange(count).split(AT_ONCE)
        self.kept = torch.cat([self._brought(train.pictures(some.tolist())) for some in places])
        firsts = np.unique(train.image_of, return_index=True)[1][:count]  # the first caption of each image
        self.targets = train.targets.padded(firsts)

    def caption(self, batch: CaptionBatch) -> list[Hypothesis]:
        seen = self._brought(batch)
        distance = self.kept.square().sum(1) - 2 * seen @ self.kept.T  # |seen|^2 changes no order
        told = self.targets[distance.argmin(1)].tolist()
        return [Hypothesis(one[: one.index(END)], 0.0, None) for one in told]

    def options(self) -> dict[str, Any]:
        images, longest = self.targets.shape
        return {"channels": self.channels, "images": images, "longest": longest}

    def _brought(self, batch: CaptionBatch) -> Tensor:
        return brought(batch.images, batch.sizes, (SIDE, SIDE)).flatten(1)
