"""Batches of images with their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.images.images import ImageFiles, default_batch_size


class ImageBatch(NamedTuple):
    """The input of a classifier of images.

    images: [B, H, W, C], standardized, zero outside their sizes: [B, 2]; labels: [B], class numbers
    """

    images: Tensor
    sizes: Tensor
    labels: Tensor


class LabelledImages(Dataset[ImageBatch]):
    """Some images of `files`, with the label of each.

    numbers: of the images in `files`; sizes: the area of each, so that batches have images of similar size
    """

    files: ImageFiles
    numbers: list[int]
    labels: Tensor
    sizes: np.ndarray
    max_batch_size: int

    def __init__(self, files: ImageFiles, numbers: Sequence[int], labels: Sequence[int]) -> None:
        self.files, self.numbers, self.labels = files, list(numbers), torch.as_tensor(labels)
        self.sizes = files.sizes[self.numbers].prod(1)
        self.max_batch_size = default_batch_size(int(self.sizes.max(initial=1)) * files.form.channels)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitems__(self, chosen: list[int]) -> ImageBatch:
        images, sizes = self.files.batch([self.numbers[one] for one in chosen])
        return ImageBatch(images, sizes, self.labels[chosen])
