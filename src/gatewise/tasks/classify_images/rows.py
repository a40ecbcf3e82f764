"""A classifier over the rows of an image, from top to bottom."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.data.images.labelled_images import ImageBatch
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.modules.classifier import Classifier
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.tasks.classify_images.network import shift_images


class RowClassifier(Classifier):
    """A stack of recurrent layers over the rows of an image: `x_t` are the pixels of row t.

    Args:
        channels: C of the images
        width: the width of all images
        shift: the maximum random shift of training images along both axes, in pixels

    All other arguments are those of `SequenceClassifier`.

    >>> import torch
    >>> from gatewise.cells import LSTM
    >>> network = RowClassifier(LSTM, channels=1, width=20, classes=10, hidden=8)
    >>> sizes, labels = torch.tensor([[28, 20], [9, 20]]), torch.tensor([3, 0])
    >>> network.logits(ImageBatch(torch.randn(2, 28, 20, 1), sizes, labels)).shape
    torch.Size([2, 10])
    """

    reader: SequenceClassifier

    def __init__(
        self,
        cell: CellType,
        channels: int,
        *,
        width: int,
        classes: int,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        pooling: PoolingMode = "last",
        shift: int = 0,
    ) -> None:
        super().__init__()
        self.shift = shift
        self.reader = SequenceClassifier(
            cell=cell,
            channels=width * channels,
            classes=classes,
            hidden=hidden,
            layers=layers,
            heads=heads,
            dropout=dropout,
            bidirectional=bidirectional,
            pooling=pooling,
        )
        self._options = {
            "cell": cell,
            "channels": channels,
            "width": width,
            "classes": classes,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "pooling": pooling,
            "shift": shift,
        }

    def logits(self, batch: ImageBatch) -> Tensor:
        images = batch.images
        if self.shift and self.training:
            images = shift_images(images, batch.sizes, self.shift)
        return self.reader.logits(SequenceBatch(images.flatten(2), batch.sizes[:, 0], batch.labels))

    def options(self) -> dict[str, Any]:
        return dict(self._options)
