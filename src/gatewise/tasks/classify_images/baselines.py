"""Baselines for images: regression on pixels, the nearest training image, and a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.baselines.logistic import fit_logistic
from gatewise.baselines.nearest import MAX_FEATURE_VALUES, NearestExample
from gatewise.data.images.labelled_images import ImageBatch, LabelledImages
from gatewise.modules.classifier import Classifier
from gatewise.modules.convolution import Convolution
from gatewise.modules.network import Baseline
from gatewise.modules.resized_images import MAX_REGRESSION_EXAMPLES, SIDE, resize


class PixelRegression(Classifier, Baseline):
    """Logistic regression on the pixels of an image resized to 16 x 16: `logits = W pixels + b`.

    At most 20,000 images are used, evenly spaced among all.

    Args:
        channels: C of the images
        classes: K, the number of classes
    """

    linear: nn.Linear

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels = channels
        self.linear = nn.Linear(channels * SIDE**2, classes).requires_grad_(False)

    def logits(self, batch: ImageBatch) -> Tensor:
        return self.linear(resize(batch.images, batch.sizes, (SIDE, SIDE)).flatten(1))

    def fit(self, train: LabelledImages, validation: LabelledImages) -> None:
        pixels, labels = small_images(train, MAX_REGRESSION_EXAMPLES)
        validation_pixels, validation_labels = small_images(validation, MAX_REGRESSION_EXAMPLES)
        weight, bias = fit_logistic(
            pixels, labels, validation_pixels, validation_labels, self.linear.out_features
        )
        self.linear.weight.copy_(weight)
        self.linear.bias.copy_(bias)

    def options(self) -> dict[str, Any]:
        return {"channels": self.channels, "classes": self.linear.out_features}


class NearestImage(NearestExample):
    """The class of the nearest training image, all resized to 16 x 16 pixels.

    Args:
        channels: C of the images
        classes: K, the number of classes
        examples: the number of training images that are kept, set by `fit`
    """

    def __init__(self, channels: int, classes: int, examples: int = 0) -> None:
        super().__init__(classes, channels * SIDE**2, examples)
        self.channels = channels

    def features(self, batch: ImageBatch) -> Tensor:
        return resize(batch.images, batch.sizes, (SIDE, SIDE)).flatten(1)

    def training_examples(self, train: LabelledImages) -> tuple[Tensor, Tensor]:
        return small_images(train, MAX_FEATURE_VALUES // (self.channels * SIDE**2))

    def options(self) -> dict[str, Any]:
        return {**super().options(), "channels": self.channels}


class ConvolutionClassifier(Classifier):
    """A small convolutional network: `logits = V relu(W convolution(image))` (LeCun et al. 1998).

    Args:
        channels: C of the images
        height, width: the size to which images are resized
        classes: K, the number of classes
        filters: the number of filters of each block
        hidden: the hidden units of the layer after the convolution

    >>> network = ConvolutionClassifier(channels=1, height=12, width=12, classes=10, filters=(4,), hidden=8)
    >>> sizes, labels = torch.tensor([[12, 12], [9, 11]]), torch.tensor([3, 0])
    >>> network.logits(ImageBatch(torch.randn(2, 12, 12, 1), sizes, labels)).shape
    torch.Size([2, 10])
    """

    size: tuple[int, int]
    convolution: Convolution
    readout: nn.Sequential

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        classes: int,
        filters: Sequence[int] = (16, 32),
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.size = height, width
        self.convolution = Convolution(channels, filters)
        positions = self.convolution.output_size(height) * self.convolution.output_size(width)
        self.readout = nn.Sequential(
            nn.Linear(positions * self.convolution.filters[-1], hidden), nn.ReLU(), nn.Linear(hidden, classes)
        )
        self._options = {
            "channels": channels,
            "height": height,
            "width": width,
            "classes": classes,
            "filters": list(filters),
            "hidden": hidden,
        }

    def logits(self, batch: ImageBatch) -> Tensor:
        images = resize(batch.images, batch.sizes, self.size).permute(0, 2, 3, 1)
        sizes = torch.tensor(self.size, device=images.device).expand(len(images), 2)
        return self.readout(self.convolution(images, sizes)[0].flatten(1))

    def options(self) -> dict[str, Any]:
        return dict(self._options)


def small_images(dataset: LabelledImages, count: int) -> tuple[Tensor, Tensor]:
    """Resizes the images of a data set, or `count` evenly spaced ones: [N, C * 16 * 16], and labels [N]."""
    numbers = torch.arange(0, len(dataset), -(-len(dataset) // count)).tolist()
    batches = []
    for first in range(0, len(numbers), dataset.max_batch_size):
        batch = dataset.__getitems__(numbers[first : first + dataset.max_batch_size])
        batches.append((resize(batch.images, batch.sizes, (SIDE, SIDE)).flatten(1), batch.labels))
    pixels, labels = zip(*batches, strict=True)
    return torch.cat(pixels), torch.cat(labels)
