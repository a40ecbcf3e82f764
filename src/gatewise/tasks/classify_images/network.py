"""Classifiers that read an image as a lattice of patches: a multidimensional network, and a grid."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.cells.grid import Transform
from gatewise.data.images.labelled_images import ImageBatch
from gatewise.layers import GridLSTM, Lattice
from gatewise.modules.classifier import Classifier
from gatewise.modules.convolution import inside
from gatewise.modules.image_lattices import AXES, over_images, patches

Pooling = Literal["last", "mean"]


class ImageClassifier(Classifier):
    """Cuts an image into patches, reads their lattice from all four corners, and scores the classes.

    channels: C of the images; classes: V; patch: pixels along either side of a patch
    hidden: H of each direction; layers: above each other
    pooling: "last" reads each direction where it ends, "mean" everywhere
    shift: in training, images are moved at random by up to so many pixels along both axes
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        patch: int,
        hidden: int,
        pooling: Pooling,
        dropout: float,
        shift: int,
    ) -> None:
        super().__init__()
        self.patch, self.pooling, self.shift = patch, pooling, shift
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(4 * hidden, classes)
        self._options: dict[str, Any] = {
            "channels": channels, "classes": classes, "patch": patch, "hidden": hidden, "pooling": pooling,
            "dropout": dropout, "shift": shift,
        }  # fmt: skip

    @abstractmethod
    def read(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        """Patches [B, L1, L2, I] of own sizes [B, 2] -> [B, L1, L2, H] of each corner."""

    def forward(self, images: Tensor, sizes: Tensor) -> Tensor:
        """images [B, H, W, C] of own sizes [B, 2] -> scores of the classes [B, V]."""
        if self.shift and self.training:
            images = moved(images, sizes, self.shift)
        lattice, sizes = patches(images, sizes, self.patch)
        directions = self.read(lattice, sizes)
        pooled = [pool(one, sizes, place, self.pooling) for place, one in enumerate(directions)]
        return self.readout(self.dropout(torch.cat(pooled, dim=1)))

    def logits(self, batch: ImageBatch) -> Tensor:
        return self(batch.images, batch.sizes)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class LatticeClassifier(ImageClassifier):
    """Layers of a lattice's cell; what the four directions of one find is added up for the next.

    cell: one of lattices of two axes, or lstm, gru or rnn, which stand for mdlstm, mdgru and mdrnn
    Source: Graves, Fernandez and Schmidhuber 2007.

    >>> from gatewise.cells import LSTM
    >>> network = LatticeClassifier(LSTM, channels=1, classes=10, hidden=8)
    >>> network(torch.randn(2, 28, 20, 1), torch.tensor([[28, 20], [9, 11]])).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        cell: CellType,
        channels: int,
        classes: int,
        patch: int = 4,
        hidden: int = 64,
        layers: int = 1,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        shift: int = 0,
    ) -> None:
        super().__init__(channels, classes, patch, hidden, pooling, dropout, shift)
        over = over_images(cell)
        widths = [patch * patch * channels, *[hidden] * (layers - 1)]
        self.layers = nn.ModuleList(
            Lattice(over, width, hidden, directions="all", combine="separate") for width in widths
        )
        self._options |= {"cell": cell, "layers": layers}

    def read(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        directions: Sequence[Tensor] = (lattice,)
        for number, layer in enumerate(self.layers):
            below = torch.stack(list(directions)).sum(0)
            directions, _ = layer(self.dropout(below) if number else below, sizes=sizes)
        return directions


class GridClassifier(ImageClassifier):
    """A Grid LSTM over both axes of an image and depth, a 3-LSTM, from all four corners.

    transform: what runs along every axis, "lstm", "gru" or "rnn"; layers: the size of the axis of depth
    tied: the same weights at every depth; else each has its own
    Source: Kalchbrenner, Danihelka and Graves 2015.

    >>> network = GridClassifier("lstm", channels=1, classes=10, hidden=8, layers=2)
    >>> network(torch.randn(2, 28, 20, 1), torch.tensor([[28, 20], [9, 11]])).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        transform: Transform,
        channels: int,
        classes: int,
        patch: int = 4,
        hidden: int = 64,
        layers: int = 1,
        tied: bool = True,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        shift: int = 0,
    ) -> None:
        super().__init__(channels, classes, patch, hidden, pooling, dropout, shift)
        self.grid = GridLSTM(
            patch * patch * channels, hidden, layers, AXES,
            tied=tied, transform=transform, directions="all", combine="separate",
        )  # fmt: skip
        self._options |= {"transform": transform, "layers": layers, "tied": tied}

    def read(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        directions: Sequence[Tensor] = self.grid(lattice, sizes=sizes)[0]
        return directions


def pool(output: Tensor, sizes: Tensor, direction: int, how: Pooling) -> Tensor:
    """What one direction [B, L1, L2, H] found in each lattice of its own size [B, 2]: [B, H].

    direction: 0 to 3, from which corner it began, as in `layers.scan_directions`; "last" is where it ended
    """
    if how == "mean":
        within = inside(sizes, output.shape[1:3]).unsqueeze(-1)
        return (output * within).sum((1, 2)) / sizes.prod(1, keepdim=True)
    back_along_rows, back_along_columns = divmod(direction, 2)
    row = torch.zeros_like(sizes[:, 0]) if back_along_rows else sizes[:, 0] - 1
    column = torch.zeros_like(sizes[:, 1]) if back_along_columns else sizes[:, 1] - 1
    return output[torch.arange(len(output), device=output.device), row, column]


def moved(images: Tensor, sizes: Tensor, shift: int) -> Tensor:
    """Images [B, H, W, C] moved at random by up to `shift` pixels; their edges are repeated.

    >>> moved(torch.arange(6.0).reshape(1, 2, 3, 1), torch.tensor([[2, 3]]), shift=9).shape
    torch.Size([1, 2, 3, 1])
    """
    count = len(images)
    rows, columns = (
        torch.arange(whole, device=images.device)
        + torch.randint(-shift, shift + 1, (count, 1), device=images.device)
        for whole in images.shape[1:3]
    )
    rows = rows.clamp(min=0).minimum(sizes[:, :1] - 1)
    columns = columns.clamp(min=0).minimum(sizes[:, 1:] - 1)
    which = torch.arange(count, device=images.device)[:, None, None]
    found = images[which, rows[:, :, None], columns[:, None, :]]
    return found * inside(sizes, images.shape[1:3]).unsqueeze(-1)
