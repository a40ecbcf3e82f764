"""Image encoders: the columns of a convolutional feature map, or all of its positions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Previous
from gatewise.cells.traversal import inside
from gatewise.layers import Recurrent
from gatewise.layers.states import State, state_shapes
from gatewise.modules.convolution import Convolution, valid_positions
from gatewise.modules.decoders import join_directions

EncoderKind = Literal["columns", "positions"]


class EncodedImages(NamedTuple):
    """The output of an image encoder.

    values: [B, S, H], for each column or position
    mask: [B, S], False for padding
    state: the decoder's initial state
    """

    values: Tensor
    mask: Tensor
    state: State


class ImageEncoder(nn.Module):
    """A convolutional network, and what is built on its feature map.

    channels: C of the images
    filters: of the blocks of the convolution
    """

    convolution: Convolution

    def __init__(self, channels: int, filters: Sequence[int]) -> None:
        super().__init__()
        self.convolution = Convolution(channels, filters)

    @abstractmethod
    def forward(self, images: Tensor, sizes: Tensor) -> EncodedImages:
        """Encodes images [B, H, W, C] of sizes [B, 2]."""

    def over_pixels(self, weights: Tensor, height: int, width: int) -> Tensor:
        """Expands attention weights [T, S] of one image to its pixels, [T, height, width]."""
        across = self.convolution.output_size(width)
        maps = weights.reshape(len(weights), -1, across)
        pixels = 2 ** len(self.convolution.filters)  # along either side of a position of the map
        down = maps.repeat_interleave(pixels if maps.shape[1] > 1 else height, dim=1)
        return down.repeat_interleave(pixels, dim=2)[:, :height, :width]


class ColumnEncoder(ImageEncoder):
    """A bidirectional layer over the columns of the feature map; its final states begin the decoder.

    cell, layers, heads: of the recurrent layer
    height: of all images
    Source: Shi, Bai and Yao 2017, for text recognition.

    >>> from gatewise.cells import LSTM
    >>> encoder = ColumnEncoder(LSTM, channels=1, height=28, hidden=16, filters=(4, 8))
    >>> encoded = encoder(torch.randn(2, 28, 60, 1), torch.tensor([[28, 60], [28, 41]]))
    >>> encoded.values.shape, encoded.mask.sum(1).tolist(), encoded.state[0].shape
    (torch.Size([2, 15, 16]), [15, 11], torch.Size([1, 2, 16]))
    """

    recurrent: Recurrent
    dropout: nn.Dropout

    def __init__(
        self,
        cell: CellType,
        channels: int,
        height: int,
        hidden: int,
        layers: int = 1,
        filters: Sequence[int] = (16, 32),
        dropout: float = 0.0,
        heads: int = 1,
    ) -> None:
        super().__init__(channels, filters)
        self.height = height
        features = self.convolution.output_size(height) * self.convolution.filters[-1]
        self.recurrent = Recurrent(
            cell,
            features,
            hidden // 2,
            layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
            heads=heads,
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor, sizes: Tensor) -> EncodedImages:
        maps, sizes = self.convolution(images, sizes)
        columns, lengths = self.dropout(maps.transpose(1, 2).flatten(2)), sizes[:, 1]
        values, state = self.recurrent(columns, lengths=lengths)
        mask = torch.arange(values.shape[1], device=values.device) < lengths.unsqueeze(1)
        return EncodedImages(values, mask, join_directions(state))


class PositionEncoder(ImageEncoder):
    """All positions of the feature map, with positional features; their mean begins the decoder.

    `value = tanh(W [map; position] + b)`, `h_0 = tanh(V mean(values) + c)`; other states begin at zero

    cell, layers, heads: of the decoder
    Source: Xu et al. 2015, Show, attend and tell.

    >>> from gatewise.cells import LSTM
    >>> encoder = PositionEncoder(LSTM, channels=3, hidden=16, filters=(4, 8))
    >>> encoded = encoder(torch.randn(2, 28, 20, 3), torch.tensor([[28, 20], [9, 5]]))
    >>> encoded.values.shape, encoded.mask.sum(1).tolist(), encoded.state[0].shape
    (torch.Size([2, 35, 16]), [35, 6], torch.Size([1, 2, 16]))
    """

    shapes: list[tuple[int, ...]]
    value: nn.Linear
    begin: nn.Linear
    dropout: nn.Dropout

    def __init__(
        self,
        cell: CellType,
        channels: int,
        hidden: int,
        layers: int = 1,
        filters: Sequence[int] = (16, 32),
        dropout: float = 0.0,
        heads: int = 1,
    ) -> None:
        super().__init__(channels, filters)
        self.layers = layers
        self.shapes = list(state_shapes(cell, hidden, hidden, heads).values())
        self.value = nn.Linear(self.convolution.filters[-1] + POSITION_FEATURES, hidden)
        self.begin = nn.Linear(hidden, layers * hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor, sizes: Tensor) -> EncodedImages:
        maps, sizes = self.convolution(images, sizes)
        mask = valid_positions(sizes, maps.shape[1:3])
        values = self.value(self.dropout(torch.cat([maps, position_features(sizes, maps)], dim=-1))).tanh()
        values, mask = values.flatten(1, 2), mask.flatten(1)
        mean = (values * mask.unsqueeze(-1)).sum(1) / sizes.prod(1, keepdim=True)
        first = self.begin(mean).tanh().unflatten(1, (self.layers, -1)).transpose(0, 1).contiguous()
        zeros = [first.new_zeros(*first.shape[:2], *shape) for shape in self.shapes[1:]]
        return EncodedImages(values, mask, (first, *zeros) if zeros else first)


def begins_by_output(cell: CellType) -> bool:
    """Whether a cell reads its last output, through which the mean of all positions begins a decoder.

    >>> from gatewise.cells import GRU, MLSTM
    >>> begins_by_output(GRU), begins_by_output(MLSTM)
    (True, False)
    """
    read = [one for line in cell.lines.values() for one in inside(line) if isinstance(one, Previous)]
    return any(one.state == cell.state[0] for one in read)


POSITION_FEATURES = 8


def position_features(sizes: Tensor, maps: Tensor) -> Tensor:
    """Features of each position of maps [B, H, W, F] within its own size [B, 2]: [B, H, W, 8].

    Row and column, scaled to -1 .. 1, with sine and cosine waves of two lengths over each.

    >>> position_features(torch.tensor([[2, 1]]), torch.zeros(1, 2, 1, 5))[0, :, 0, 0]
    tensor([-0.5000,  0.5000])
    """
    features = []
    for axis, size in enumerate(maps.shape[1:3]):
        position = (2 * torch.arange(size, device=maps.device) + 1) / sizes[:, axis, None] - 1
        shape = (-1, size, 1, 1) if axis == 0 else (-1, 1, size, 1)
        angle = torch.pi * position
        waves = torch.stack([position, angle.sin(), angle.cos(), (2 * angle).sin()], dim=-1)
        features.append(waves.reshape(*shape[:3], waves.shape[-1]).expand(-1, *maps.shape[1:3], -1))
    return torch.cat(features, dim=-1).to(maps.dtype)
