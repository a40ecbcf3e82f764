"""Clips, which are sequences of images of one size, and batches of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.images.image_file import ImageForm
from gatewise.data.images.images import SAMPLE, default_batch_size, pad_arrays, standardize, with_scale


class ClipBatch(NamedTuple):
    """The input of a network for clips.

    frames: [B, T, H, W, C], standardized, zero beyond lengths: [B]; labels: [B], class numbers
    """

    frames: Tensor
    lengths: Tensor
    labels: Tensor


class Clips(ABC):
    """Clips by number.

    form: of the frames; names: of the clips, for users
    lengths: [N], the frames of each clip; size: height and width of all frames
    notes: on what is converted or left out
    """

    form: ImageForm
    names: tuple[str, ...]
    lengths: np.ndarray
    size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @abstractmethod
    def __getitem__(self, number: int) -> np.ndarray:
        """[T, H, W, C], pixels that are not standardized. Raises: `GatewiseError` with a damaged file."""

    def __len__(self) -> int:
        return len(self.names)

    def fit(self, numbers: Sequence[int]) -> None:
        """Computes the mean and standard deviation of each channel from clips of the training set."""
        some = numbers[:: -(-len(numbers) // SAMPLE)]
        self.form = with_scale(self.form, (self[number] for number in some))

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Clips [B, T, H, W, C], standardized, zero beyond their lengths [B]."""
        frames, lengths = pad_arrays([standardize(self[number], self.form) for number in numbers], axes=1)
        return frames, lengths[:, 0]


class LabelledClips(Dataset[ClipBatch]):
    """Some of the clips, with the label of each; `sizes` are their lengths."""

    clips: Clips
    numbers: list[int]
    labels: Tensor
    sizes: np.ndarray
    max_batch_size: int

    def __init__(self, clips: Clips, numbers: Sequence[int], labels: Sequence[int]) -> None:
        self.clips, self.numbers, self.labels = clips, list(numbers), torch.as_tensor(labels)
        self.sizes = clips.lengths[self.numbers]
        longest = int(self.sizes.max(initial=1))
        self.max_batch_size = default_batch_size(
            longest * clips.size[0] * clips.size[1] * clips.form.channels
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitems__(self, chosen: list[int]) -> ClipBatch:
        frames, lengths = self.clips.batch([self.numbers[one] for one in chosen])
        return ClipBatch(frames, lengths, self.labels[chosen])
