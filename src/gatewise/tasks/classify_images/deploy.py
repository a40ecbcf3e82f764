"""Class probabilities from the pixels of images."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.images.labelled_images import ImageBatch
from gatewise.errors import GatewiseError
from gatewise.modules.classifier import Classifier
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field
from gatewise.tasks.classify_images.data import Preprocessing
from gatewise.tasks.classify_images.network import ImageClassifier
from gatewise.tasks.classify_images.rows import RowClassifier
from gatewise.tasks.deployed_images import PixelReader


class DeployedImages(Deployed):
    """The probability of each class, after calibration.

    network: a trained classifier of images; preprocessing: of its data
    """

    reader: PixelReader
    network: Classifier

    def __init__(self, network: Classifier, preprocessing: Preprocessing) -> None:
        classes, reader = preprocessing.classes, PixelReader(preprocessing.form, width=preprocessing.width)
        about = "the probability of each class, in the order of `classes`"
        result = Field("probabilities", "float32", ("batch", len(classes)), about)
        description = {"task": "classify-images", "classes": list(classes)}
        super().__init__(reader.fields(), [result], description)
        self.network, self.reader = network.eval(), reader

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor]:
        """The probabilities [B, K]."""
        labels = sizes.new_zeros(sizes.shape[:1])  # which are not read
        batch = ImageBatch(self.reader(images, sizes), sizes, labels)
        return (self.network.logits(batch).softmax(-1),)

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return self.reader.example(sizes["batch"], sizes["time"], random)


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedImages:
    """The deployed form of a classifier of images. Raises: `GatewiseError` if it is a baseline."""
    if not isinstance(network, ImageClassifier | RowClassifier):
        raise GatewiseError(
            f"this model can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    return DeployedImages(network, preprocessing)
