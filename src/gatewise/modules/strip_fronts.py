"""Front ends for images of text lines: feature maps, computed before a recurrent layer reads the columns."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.layers import Lattice
from gatewise.modules.convolution import Convolution
from gatewise.modules.image_lattices import image_cell, to_patches

Front = Literal["none", "convolution", "lattice"]
FILTERS = (16, 32)  # of the blocks of the convolution, each of which halves height and width
PATCH, UNITS = 4, 16  # the side of a patch in pixels, and the hidden units of each direction of the lattice


class FrontEnd(nn.Module):
    """Maps columns of pixels to fewer columns of features.

    Args:
        height: H of the images
        features: the number of features of an output column
    """

    height: int
    features: int

    def __init__(self, height: int, features: int) -> None:
        super().__init__()
        self.height, self.features = height, features

    @abstractmethod
    def maps(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Images [B, H, W, C] of sizes [B, 2] -> maps [B, H', W', F], zero outside their sizes [B, 2]."""

    def forward(self, columns: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Columns [B, W, H * C] of images of widths `lengths` [B] -> [B, W', features] and their widths."""
        images = columns.unflatten(2, (self.height, -1)).transpose(1, 2)
        maps, sizes = self.maps(images, torch.stack([torch.full_like(lengths, self.height), lengths], dim=1))
        return maps.transpose(1, 2).flatten(2), sizes[:, 1]


class ConvolutionFrontEnd(FrontEnd):
    """Two convolutions, each followed by 2 x 2 max pooling.

    Args:
        height: H of the images
        channels: C of the images
    """

    def __init__(self, height: int, channels: int) -> None:
        convolution = Convolution(channels, FILTERS)
        super().__init__(height, convolution.output_size(height) * FILTERS[-1])
        self.convolution = convolution

    def maps(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        maps, sizes = self.convolution(images, sizes)
        return maps, sizes


class LatticeFrontEnd(FrontEnd):
    """A multidimensional cell over patches of 4 x 4 pixels, in all four directions.

    Args:
        cell: lstm, gru or rnn, which become mdlstm, mdgru and mdrnn, or a cell of two axes
        height: H of the images
        channels: C of the images

    Source: Graves and Schmidhuber 2009.

    >>> from gatewise.cells import LSTM
    >>> front = LatticeFrontEnd(LSTM, height=28, channels=1)
    >>> columns, widths = front(torch.randn(2, 50, 28), torch.tensor([50, 9]))
    >>> columns.shape, widths
    (torch.Size([2, 13, 448]), tensor([13,  3]))
    """

    lattice: Lattice

    def __init__(self, cell: CellType, height: int, channels: int) -> None:
        super().__init__(height, -(-height // PATCH) * 4 * UNITS)
        self.lattice = Lattice(image_cell(cell), PATCH * PATCH * channels, UNITS, directions="all")

    def maps(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        lattice, sizes = to_patches(images, sizes, PATCH)
        output, _ = self.lattice(lattice, sizes=sizes)
        return output, sizes


def make_front_end(front: Front, cell: CellType, height: int, channels: int) -> FrontEnd | None:
    """Builds a front end; None for "none". channels: H * C, the numbers of a column"""
    if front == "none":
        return None
    if front == "convolution":
        return ConvolutionFrontEnd(height, channels // height)
    return LatticeFrontEnd(cell, height, channels // height)


def output_columns(columns: np.ndarray, front: Front) -> np.ndarray:
    """The numbers of output columns, from those of input columns.

    >>> output_columns(np.array([30, 9]), "convolution"), output_columns(np.array([30, 9]), "lattice")
    (array([8, 3]), array([8, 3]))
    """
    if front == "none":
        return columns
    side = PATCH if front == "lattice" else 2 ** len(FILTERS)
    return -(-columns // side)
