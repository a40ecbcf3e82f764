"""Clips, which are sequences of images of one size: what all kinds of them have in common, and batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.images.image_file import ImageForm
from gatewise.data.images.images import SAMPLE, batch_of, padded, standardised, with_scale


class ClipBatch(NamedTuple):
    """What a network for clips sees.

    frames: [B, T, H, W, C], standardised, zero behind each clip's end
    lengths: [B], how many frames each has; labels: [B], the numbers of their classes
    """

    frames: Tensor
    lengths: Tensor
    labels: Tensor


class Clips(ABC):
    """Clips by number.

    form: how a frame becomes numbers; names: of the clips, as a user knows them
    lengths: [N], how many frames each has; size: the height and width of all frames
    notes: what is not read as it is, a sentence each
    """

    form: ImageForm
    names: tuple[str, ...]
    lengths: np.ndarray
    size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @abstractmethod
    def __getitem__(self, number: int) -> np.ndarray:
        """[T, H, W, C], pixels as they are. Raises: `GatewiseError` that names what is broken."""

    def __len__(self) -> int:
        return len(self.names)

    def learn(self, numbers: Sequence[int]) -> None:
        """Takes mean and deviation of each channel from clips of the training part."""
        some = numbers[:: -(-len(numbers) // SAMPLE)]
        self.form = with_scale(self.form, (self[number] for number in some))

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Clips [B, T, H, W, C], standardised, zero behind their ends, and their lengths [B]."""
        frames, lengths = padded([standardised(self[number], self.form) for number in numbers], axes=1)
        return frames, lengths[:, 0]


class LabelledClips(Dataset[ClipBatch]):
    """Some of the clips, by their numbers, with the label of each; `sizes` are their lengths."""

    def __init__(self, clips: Clips, numbers: Sequence[int], labels: Sequence[int]) -> None:
        self.clips, self.numbers, self.labels = clips, list(numbers), torch.as_tensor(labels)
        self.sizes = clips.lengths[self.numbers]
        longest = int(self.sizes.max(initial=1))
        self.at_once = batch_of(longest * clips.size[0] * clips.size[1] * clips.form.channels)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitems__(self, chosen: list[int]) -> ClipBatch:
        frames, lengths = self.clips.batch([self.numbers[one] for one in chosen])
        return ClipBatch(frames, lengths, self.labels[chosen])
