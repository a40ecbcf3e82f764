"""Classifiers over the patches of an image: a multidimensional network, and a Grid LSTM."""

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
from gatewise.modules.convolution import valid_positions
from gatewise.modules.image_lattices import AXES, image_cell, to_patches

Pooling = Literal["last", "mean"]


class ImageClassifier(Classifier):
    """Runs over the lattice of an image's patches from all four corners, and pools to class logits.

    channels: C of the images; classes: V; patch: pixels along either side of a patch
    hidden: H of each direction; layers: above each other
    pooling: "last" takes the final state of each direction, "mean" the mean over all patches
    shift: training images are shifted at random by up to this many pixels along both axes
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
    def run(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        """Patches [B, L1, L2, I] of own sizes [B, 2] -> [B, L1, L2, H] of each corner."""

    def forward(self, images: Tensor, sizes: Tensor) -> Tensor:
        """images [B, H, W, C] of own sizes [B, 2] -> logits [B, V]."""
        if self.shift and self.training:
            images = shifted(images, sizes, self.shift)
        lattice, sizes = to_patches(images, sizes, self.patch)
        directions = self.run(lattice, sizes)
        pooled = [pool(one, sizes, place, self.pooling) for place, one in enumerate(directions)]
        return self.readout(self.dropout(torch.cat(pooled, dim=1)))

    def logits(self, batch: ImageBatch) -> Tensor:
        return self(batch.images, batch.sizes)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class LatticeClassifier(ImageClassifier):
    """Layers of a lattice's cell; the outputs of a layer's four directions are summed for the next layer.

    cell: a cell of two-axis lattices; lstm, gru and rnn become mdlstm, mdgru and mdrnn
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
        super().__init__(
            channels=channels, classes=classes, patch=patch, hidden=hidden, pooling=pooling, dropout=dropout,
            shift=shift,
        )  # fmt: skip
        over = image_cell(cell)
        widths = [patch * patch * channels, *[hidden] * (layers - 1)]
        self.layers = nn.ModuleList(
            Lattice(over, width, hidden, directions="all", combine="separate") for width in widths
        )
        self._options |= {"cell": cell, "layers": layers}

    def run(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        directions: Sequence[Tensor] = (lattice,)
        for number, layer in enumerate(self.layers):
            below = torch.stack(list(directions)).sum(0)
            directions, _ = layer(self.dropout(below) if number else below, sizes=sizes)
        return directions


class GridClassifier(ImageClassifier):
    """A Grid LSTM over both axes of an image and depth, a 3-LSTM, from all four corners.

    transform: the cell along every axis, "lstm", "gru" or "rnn"; layers: the size of the depth axis
    tied: whether all layers have the same parameters
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
        super().__init__(
            channels=channels, classes=classes, patch=patch, hidden=hidden, pooling=pooling, dropout=dropout,
            shift=shift,
        )  # fmt: skip
        self.grid = GridLSTM(
            patch * patch * channels, hidden, layers, AXES,
            tied=tied, transform=transform, directions="all", combine="separate",
        )  # fmt: skip
        self._options |= {"transform": transform, "layers": layers, "tied": tied}

    def run(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        directions: Sequence[Tensor] = self.grid(lattice, sizes=sizes)[0]
        return directions


def pool(output: Tensor, sizes: Tensor, direction: int, how: Pooling) -> Tensor:
    """Pools the output of one direction [B, L1, L2, H] over lattices of sizes [B, 2]: [B, H].

    direction: 0 to 3, the corner where it starts, as in `layers.scan_directions`; "last" is where it ends
    """
    if how == "mean":
        within = valid_positions(sizes, output.shape[1:3]).unsqueeze(-1)
        return (output * within).sum((1, 2)) / sizes.prod(1, keepdim=True)
    back_along_rows, back_along_columns = divmod(direction, 2)
    row = torch.zeros_like(sizes[:, 0]) if back_along_rows else sizes[:, 0] - 1
    column = torch.zeros_like(sizes[:, 1]) if back_along_columns else sizes[:, 1] - 1
    return output[torch.arange(len(output), device=output.device), row, column]


def shifted(images: Tensor, sizes: Tensor, shift: int) -> Tensor:
    """Images [B, H, W, C] shifted at random by up to `shift` pixels; their edges are repeated.

    >>> shifted(torch.arange(6.0).reshape(1, 2, 3, 1), torch.tensor([[2, 3]]), shift=9).shape
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
    return found * valid_positions(sizes, images.shape[1:3]).unsqueeze(-1)
