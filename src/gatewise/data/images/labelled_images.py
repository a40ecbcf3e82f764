"""Images with their classes, as batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.images.images import ImageFiles, batch_of


class ImageBatch(NamedTuple):
    """What a classifier of images sees.

    images: [B, H, W, C], standardised, zero outside each image's own size
    sizes: [B, 2], those sizes; labels: [B], the numbers of their classes
    """

    images: Tensor
    sizes: Tensor
    labels: Tensor


class LabelledImages(Dataset[ImageBatch]):
    """Some of the images of `files`, by their numbers there, with the label of each.

    sizes: the area of each, by which batches are made of images of like size
    """

    def __init__(self, files: ImageFiles, numbers: Sequence[int], labels: Sequence[int]) -> None:
        self.files, self.numbers, self.labels = files, list(numbers), torch.as_tensor(labels)
        self.sizes = files.sizes[self.numbers].prod(1)
        self.at_once = batch_of(int(self.sizes.max(initial=1)) * files.form.channels)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitems__(self, chosen: list[int]) -> ImageBatch:
        images, sizes = self.files.batch([self.numbers[one] for one in chosen])
        return ImageBatch(images, sizes, self.labels[chosen])
