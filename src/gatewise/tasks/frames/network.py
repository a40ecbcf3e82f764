"""Networks for clips: a convolution of every frame, then recurrent layers over its features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.images.clips import ClipBatch
from gatewise.layers import Recurrent
from gatewise.modules.classifier import Classifier
from gatewise.modules.convolution import Convolution
from gatewise.modules.pooling import Pooling, PoolingMode

FILTERS = (16, 32)


class FrameClassifier(Classifier):
    """CNN-LSTM: a convolution of each frame, recurrent layers of any cell, pooling, class logits.

    `x_t = convolution(frame_t)`, `logits = W pool(h_1 ... h_T) + b`

    Args:
        cell: the cell of all layers
        channels, height, width: the shape of the frames
        classes: V, the number of classes
        filters: the number of filters of each block of the convolution
        features: E, the number of features of each frame
        hidden: H, the hidden units of each direction
        layers: the number of layers
        heads: groups of units of each layer, see `Recurrent`
        dropout: the dropout rate before and between the layers, and before the logits
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`

    Source: Donahue et al. 2015, Long-term recurrent convolutional networks.

    >>> from gatewise.cells import LSTM
    >>> network = FrameClassifier(LSTM, 1, height=20, width=24, classes=3, filters=(4,), features=8, hidden=8)
    >>> batch = ClipBatch(torch.randn(2, 5, 20, 24, 1), torch.tensor([5, 3]), torch.tensor([0, 2]))
    >>> network.logits(batch).shape
    torch.Size([2, 3])
    """

    encoder: FrameEncoder
    recurrent: Recurrent
    pooling: Pooling
    dropout: nn.Dropout
    readout: nn.Linear

    def __init__(
        self,
        cell: CellType,
        channels: int,
        *,
        height: int,
        width: int,
        classes: int,
        filters: Sequence[int] = FILTERS,
        features: int = 64,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        pooling: PoolingMode = "last",
    ) -> None:
        super().__init__()
        self.encoder = FrameEncoder(channels, height, width, filters, features)
        self.recurrent = Recurrent(
            cell,
            features,
            hidden,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
            heads=heads,
        )
        directions = 1 + bidirectional
        self.pooling = Pooling(pooling, directions * hidden, bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(directions * hidden, classes)
        self._options = {
            "cell": cell,
            "channels": channels,
            "height": height,
            "width": width,
            "classes": classes,
            "filters": list(filters),
            "features": features,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "pooling": pooling,
        }

    def logits(self, batch: ClipBatch) -> Tensor:
        features = self.dropout(self.encoder(batch.frames, batch.lengths))
        output, _ = self.recurrent(features, lengths=batch.lengths)
        return self.readout(self.dropout(self.pooling(output, batch.lengths)))

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class FrameMean(Classifier):
    """The mean over time of the features of each frame, which does not depend on the order of frames.

    All arguments are those of `FrameClassifier`.

    >>> network = FrameMean(1, 20, 24, classes=3, filters=(4,), features=8)
    >>> batch = ClipBatch(torch.randn(2, 5, 20, 24, 1), torch.tensor([5, 3]), torch.tensor([0, 2]))
    >>> network.logits(batch).shape
    torch.Size([2, 3])
    """

    encoder: FrameEncoder
    pooling: Pooling
    readout: nn.Linear

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        classes: int,
        filters: Sequence[int] = FILTERS,
        features: int = 64,
    ) -> None:
        super().__init__()
        self.encoder = FrameEncoder(channels, height, width, filters, features)
        self.pooling = Pooling("mean", features)
        self.readout = nn.Linear(features, classes)
        self._options = {
            "channels": channels,
            "height": height,
            "width": width,
            "classes": classes,
            "filters": list(filters),
            "features": features,
        }

    def logits(self, batch: ClipBatch) -> Tensor:
        return self.readout(self.pooling(self.encoder(batch.frames, batch.lengths), batch.lengths))

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class FrameEncoder(nn.Module):
    """The features of each frame: `relu(W convolution(frame) + b)`.

    Args:
        channels, height, width: the shape of the frames
        filters: the number of filters of each block
        features: E, the number of features

    >>> encoder = FrameEncoder(1, 28, 20, filters=(8, 16), features=32)
    >>> encoder(torch.randn(4, 9, 28, 20, 1), torch.tensor([9, 3, 1, 5])).shape
    torch.Size([4, 9, 32])
    """

    convolution: Convolution
    project: nn.Linear

    def __init__(self, channels: int, height: int, width: int, filters: Sequence[int], features: int) -> None:
        super().__init__()
        self.convolution = Convolution(channels, filters)
        positions = self.convolution.output_size(height) * self.convolution.output_size(width)
        self.project = nn.Linear(positions * self.convolution.filters[-1], features)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Clips [B, T, H, W, C] of lengths [B] -> [B, T, E], zero for padding."""
        valid = torch.arange(frames.shape[1], device=frames.device) < lengths.unsqueeze(1)
        if torch.compiler.is_compiling():  # a graph whose sizes do not depend on the lengths
            return self._features(frames.flatten(0, 1)).unflatten(0, valid.shape) * valid.unsqueeze(-1)
        features = self._features(frames[valid])  # of the frames without padding
        padded = features.new_zeros(*frames.shape[:2], features.shape[-1])
        padded[valid] = features
        return padded

    def _features(self, frames: Tensor) -> Tensor:
        """Frames [N, H, W, C] -> [N, E]."""
        sizes = torch.tensor(frames.shape[1:3], device=frames.device).expand(frames.shape[0], 2)
        maps, _ = self.convolution(frames, sizes)
        return self.project(maps.flatten(1)).relu()
