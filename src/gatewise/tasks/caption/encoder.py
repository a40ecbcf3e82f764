"""From an image to what a decoder looks at: the columns of a convolution's map, or all of its positions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.layers import Recurrent
from gatewise.layers.states import State
from gatewise.modules.convolution import Convolution, inside

EncoderKind = Literal["columns", "positions"]


class Read(NamedTuple):
    """What was read of images.

    values: [B, S, H], of each place; there: [B, S], False for padding; state: the decoder's first
    """

    values: Tensor
    there: Tensor
    state: State


class ImageReader(nn.Module):
    """Reads images by a convolution. channels: C of the images; filters: of its blocks"""

    def __init__(self, channels: int, filters: Sequence[int]) -> None:
        super().__init__()
        self.convolution = Convolution(channels, filters)

    @abstractmethod
    def forward(self, images: Tensor, sizes: Tensor) -> Read:
        """Images [B, H, W, C] of their own sizes [B, 2]."""

    def over_pixels(self, weights: Tensor, height: int, width: int) -> Tensor:
        """Weights [T, S] of the places of one image, as those of its pixels [T, height, width]."""
        across = self.convolution.reduced(width)
        maps = weights.reshape(len(weights), -1, across)
        pixels = 2 ** len(self.convolution.filters)  # along either side of a place of the map
        down = maps.repeat_interleave(pixels if maps.shape[1] > 1 else height, dim=1)
        return down.repeat_interleave(pixels, dim=2)[:, :height, :width]


class ColumnReader(ImageReader):
    """The columns of the map from left to right and back, by a recurrent layer of each direction.

    Its last states begin the decoder. cell, layers: of it; height: of all images
    Source: Shi, Bai and Yao 2017, for reading writing.

    >>> from gatewise.cells import LSTM
    >>> reader = ColumnReader(LSTM, channels=1, height=28, hidden=16, filters=(4, 8))
    >>> read = reader(torch.randn(2, 28, 60, 1), torch.tensor([[28, 60], [28, 41]]))
    >>> read.values.shape, read.there.sum(1).tolist(), read.state[0].shape
    (torch.Size([2, 15, 16]), [15, 11], torch.Size([1, 2, 16]))
    """

    def __init__(
        self, cell: CellType, channels: int, height: int, hidden: int, layers: int = 1,
        filters: Sequence[int] = (16, 32), dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(channels, filters)
        self.height = height
        features = self.convolution.reduced(height) * self.convolution.filters[-1]
        self.recurrent = Recurrent(
            cell, features, hidden // 2, layers, batch_first=True, bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor, sizes: Tensor) -> Read:
        maps, sizes = self.convolution(images, sizes)
        columns, lengths = self.dropout(maps.transpose(1, 2).flatten(2)), sizes[:, 1]
        values, state = self.recurrent(columns, lengths=lengths)
        there = torch.arange(values.shape[1], device=values.device) < lengths.unsqueeze(1)
        return Read(values, there, side_by_side(state))


class PositionReader(ImageReader):
    """Every position of the map, with where it is; their mean begins the decoder.

    `value = tanh(W [map; row; column] + b)`, `h_0 = tanh(V mean(values) + c)`; other states begin at zero
    cell, layers: of the decoder
    Source: Xu et al. 2015, Show, attend and tell.

    >>> from gatewise.cells import LSTM
    >>> reader = PositionReader(LSTM, channels=3, hidden=16, filters=(4, 8))
    >>> read = reader(torch.randn(2, 28, 20, 3), torch.tensor([[28, 20], [9, 5]]))
    >>> read.values.shape, read.there.sum(1).tolist(), read.state[0].shape
    (torch.Size([2, 35, 16]), [35, 6], torch.Size([1, 2, 16]))
    """

    def __init__(
        self, cell: CellType, channels: int, hidden: int, layers: int = 1,
        filters: Sequence[int] = (16, 32), dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(channels, filters)
        self.cell, self.layers = cell, layers
        self.value = nn.Linear(self.convolution.filters[-1] + PLACES, hidden)
        self.begin = nn.Linear(hidden, layers * hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor, sizes: Tensor) -> Read:
        maps, sizes = self.convolution(images, sizes)
        there = inside(sizes, maps.shape[1:3])
        values = self.value(self.dropout(torch.cat([maps, places(sizes, maps)], dim=-1))).tanh()
        values, there = values.flatten(1, 2), there.flatten(1)
        mean = (values * there.unsqueeze(-1)).sum(1) / sizes.prod(1, keepdim=True)
        first = self.begin(mean).tanh().unflatten(1, (self.layers, -1)).transpose(0, 1).contiguous()
        others = [torch.zeros_like(first) for _ in self.cell.state[1:]]
        return Read(values, there, (first, *others) if others else first)


PLACES = 8  # numbers that say where a position is


def places(sizes: Tensor, maps: Tensor) -> Tensor:
    """Where each position of maps [B, H, W, F] lies within its own size [B, 2]: [B, H, W, 8].

    Row and column as shares of the whole, from -1 to 1, and sine and cosine waves of two lengths over each.

    >>> places(torch.tensor([[2, 1]]), torch.zeros(1, 2, 1, 5))[0, :, 0, 0]
    tensor([-0.5000,  0.5000])
    """
    shares = []
    for axis, whole in enumerate(maps.shape[1:3]):
        share = (2 * torch.arange(whole, device=maps.device) + 1) / sizes[:, axis, None] - 1
        shape = (-1, whole, 1, 1) if axis == 0 else (-1, 1, whole, 1)
        angle = torch.pi * share
        waves = torch.stack([share, angle.sin(), angle.cos(), (2 * angle).sin()], dim=-1)
        shares.append(waves.reshape(*shape[:3], waves.shape[-1]).expand(-1, *maps.shape[1:3], -1))
    return torch.cat(shares, dim=-1).to(maps.dtype)


def side_by_side(state: State) -> State:
    """The last states of both directions, [2 layers, B, H / 2] each, as [layers, B, H]."""
    if isinstance(state, Tensor):
        return torch.cat([state[::2], state[1::2]], dim=-1)
    return tuple(side_by_side(one) for one in state)
