"""What looks at images of writing before their columns are read: a convolution, or a lattice of patches."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.layers import Lattice
from gatewise.modules.convolution import Convolution
from gatewise.modules.image_lattices import over_images, patches

Front = Literal["none", "convolution", "lattice"]
FILTERS = (16, 32)  # of the convolution's blocks, each of which halves height and width
PATCH, UNITS = 4, 16  # pixels along either side of a patch, and units of each direction of the lattice


class StripFront(nn.Module):
    """From columns of pixels to fewer columns, of what was seen.

    height: H of the images; features: the numbers of a column that it gives
    """

    def __init__(self, height: int, features: int) -> None:
        super().__init__()
        self.height, self.features = height, features

    @abstractmethod
    def look(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Images [B, H, W, C] of own sizes [B, 2] -> maps [B, H', W', F], zero outside theirs [B, 2]."""

    def forward(self, columns: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Columns [B, W, H * C] of images of these widths [B] -> [B, W', features] and widths."""
        images = columns.unflatten(2, (self.height, -1)).transpose(1, 2)
        maps, sizes = self.look(images, torch.stack([torch.full_like(lengths, self.height), lengths], dim=1))
        return maps.transpose(1, 2).flatten(2), sizes[:, 1]


class ConvolvedStrip(StripFront):
    """Two convolutions, each followed by the maximum over 2 x 2.

    channels: C of the images
    """

    def __init__(self, height: int, channels: int) -> None:
        convolution = Convolution(channels, FILTERS)
        super().__init__(height, convolution.reduced(height) * FILTERS[-1])
        self.convolution = convolution

    def look(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        maps, sizes = self.convolution(images, sizes)
        return maps, sizes


class LatticeStrip(StripFront):
    """A cell runs over patches of 4 x 4 pixels from all four corners (Graves and Schmidhuber 2009).

    cell: lstm, gru or rnn, which stand for mdlstm, mdgru and mdrnn; channels: C of the images

    >>> from gatewise.cells import LSTM
    >>> front = LatticeStrip(LSTM, height=28, channels=1)
    >>> columns, widths = front(torch.randn(2, 50, 28), torch.tensor([50, 9]))
    >>> columns.shape, widths
    (torch.Size([2, 13, 448]), tensor([13,  3]))
    """

    def __init__(self, cell: CellType, height: int, channels: int) -> None:
        super().__init__(height, -(-height // PATCH) * 4 * UNITS)
        self.lattice = Lattice(over_images(cell), PATCH * PATCH * channels, UNITS, directions="all")

    def look(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        lattice, sizes = patches(images, sizes, PATCH)
        output, _ = self.lattice(lattice, sizes=sizes)
        return output, sizes


def strip_front(front: Front, cell: CellType, height: int, channels: int) -> StripFront | None:
    """The front of that name; None where columns are read as they are. channels: H * C"""
    if front == "none":
        return None
    if front == "convolution":
        return ConvolvedStrip(height, channels // height)
    return LatticeStrip(cell, height, channels // height)


def columns_left(columns: np.ndarray, front: Front) -> np.ndarray:
    """How many of so many columns are left.

    >>> columns_left(np.array([30, 9]), "convolution"), columns_left(np.array([30, 9]), "lattice")
    (array([8, 3]), array([8, 3]))
    """
    if front == "none":
        return columns
    side = PATCH if front == "lattice" else 2 ** len(FILTERS)
    return -(-columns // side)
