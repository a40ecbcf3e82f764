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

PatchPooling = Literal["last", "mean"]


class ImageClassifier(Classifier):
    """Runs over the lattice of patches of an image in all four directions; pooling gives class logits.

    Args:
        channels: C of the images
        classes: V, the number of classes
        patch: the side of a patch in pixels
        hidden: H, the hidden units of each direction
        pooling: "last" for the final state of each direction, "mean" for the mean over all patches
        dropout: the dropout rate before the logits
        shift: the maximum random shift of training images along both axes, in pixels
    """

    patch: int
    shift: int
    dropout: nn.Dropout
    readout: nn.Linear

    def __init__(
        self,
        channels: int,
        classes: int,
        patch: int,
        hidden: int,
        pooling: PatchPooling,
        dropout: float,
        shift: int,
    ) -> None:
        super().__init__()
        self.patch, self.pooling, self.shift = patch, pooling, shift
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(4 * hidden, classes)
        self._options: dict[str, Any] = {
            "channels": channels,
            "classes": classes,
            "patch": patch,
            "hidden": hidden,
            "pooling": pooling,
            "dropout": dropout,
            "shift": shift,
        }

    @abstractmethod
    def run(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        """Patches [B, L1, L2, I] of sizes [B, 2] -> outputs [B, L1, L2, H] of each direction."""

    def forward(self, images: Tensor, sizes: Tensor) -> Tensor:
        """Images [B, H, W, C] of sizes [B, 2] -> logits [B, V]."""
        if self.shift and self.training:
            images = shift_images(images, sizes, self.shift)
        lattice, sizes = to_patches(images, sizes, self.patch)
        directions = self.run(lattice, sizes)
        pooled = [pool(output, sizes, direction, self.pooling) for direction, output in enumerate(directions)]
        return self.readout(self.dropout(torch.cat(pooled, dim=1)))

    def logits(self, batch: ImageBatch) -> Tensor:
        return self(batch.images, batch.sizes)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class LatticeClassifier(ImageClassifier):
    """Layers of a lattice's cell; the outputs of a layer's four directions are summed for the next layer.

    Args:
        cell: a cell of two axes; lstm, gru and rnn become mdlstm, mdgru and mdrnn
        layers: the number of layers

    All other arguments are those of `ImageClassifier`.

    Source: Graves, Fernandez and Schmidhuber 2007.

    >>> from gatewise.cells import LSTM
    >>> network = LatticeClassifier(LSTM, channels=1, classes=10, hidden=8)
    >>> network(torch.randn(2, 28, 20, 1), torch.tensor([[28, 20], [9, 11]])).shape
    torch.Size([2, 10])
    """

    layers: nn.ModuleList

    def __init__(
        self,
        cell: CellType,
        channels: int,
        *,
        classes: int,
        patch: int = 4,
        hidden: int = 64,
        layers: int = 1,
        pooling: PatchPooling = "last",
        dropout: float = 0.0,
        shift: int = 0,
    ) -> None:
        super().__init__(
            channels=channels,
            classes=classes,
            patch=patch,
            hidden=hidden,
            pooling=pooling,
            dropout=dropout,
            shift=shift,
        )
        lattice_cell = image_cell(cell)
        widths = [patch * patch * channels, *[hidden] * (layers - 1)]
        self.layers = nn.ModuleList(
            Lattice(lattice_cell, width, hidden, directions="all", combine="separate") for width in widths
        )
        self._options |= {"cell": cell, "layers": layers}

    def run(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        directions: Sequence[Tensor] = (lattice,)
        for number, layer in enumerate(self.layers):
            below = torch.stack(list(directions)).sum(0)
            directions, _ = layer(self.dropout(below) if number else below, sizes=sizes)
        return directions


class GridClassifier(ImageClassifier):
    """A Grid LSTM over both axes of an image and depth, a 3-LSTM, in all four directions.

    Args:
        transform: the cell along every axis, "lstm", "gru" or "rnn"
        layers: the size of the depth axis
        tied: whether all layers share their parameters

    All other arguments are those of `ImageClassifier`.

    Source: Kalchbrenner, Danihelka and Graves 2015.

    >>> network = GridClassifier("lstm", channels=1, classes=10, hidden=8, layers=2)
    >>> network(torch.randn(2, 28, 20, 1), torch.tensor([[28, 20], [9, 11]])).shape
    torch.Size([2, 10])
    """

    grid: GridLSTM

    def __init__(
        self,
        transform: Transform,
        channels: int,
        *,
        classes: int,
        patch: int = 4,
        hidden: int = 64,
        layers: int = 1,
        tied: bool = True,
        pooling: PatchPooling = "last",
        dropout: float = 0.0,
        shift: int = 0,
    ) -> None:
        super().__init__(
            channels=channels,
            classes=classes,
            patch=patch,
            hidden=hidden,
            pooling=pooling,
            dropout=dropout,
            shift=shift,
        )
        self.grid = GridLSTM(
            patch * patch * channels,
            hidden,
            layers,
            AXES,
            tied=tied,
            transform=transform,
            directions="all",
            combine="separate",
        )
        self._options |= {"transform": transform, "layers": layers, "tied": tied}

    def run(self, lattice: Tensor, sizes: Tensor) -> Sequence[Tensor]:
        directions: Sequence[Tensor] = self.grid(lattice, sizes=sizes)[0]
        return directions


def pool(output: Tensor, sizes: Tensor, direction: int, mode: PatchPooling) -> Tensor:
    """Pools the output of one direction over lattices of patches.

    Args:
        output: [B, L1, L2, H]
        sizes: [B, 2], the sizes of the lattices
        direction: 0 to 3, as in `layers.scan_directions`
        mode: "last" for the patch where the direction ends, or "mean"

    Returns:
        [B, H]
    """
    if mode == "mean":
        valid = valid_positions(sizes, output.shape[1:3]).unsqueeze(-1)
        return (output * valid).sum((1, 2)) / sizes.prod(1, keepdim=True)
    rows_reversed, columns_reversed = divmod(direction, 2)
    row = torch.zeros_like(sizes[:, 0]) if rows_reversed else sizes[:, 0] - 1
    column = torch.zeros_like(sizes[:, 1]) if columns_reversed else sizes[:, 1] - 1
    return output[torch.arange(output.shape[0], device=output.device), row, column]


def shift_images(images: Tensor, sizes: Tensor, shift: int) -> Tensor:
    """Shifts images [B, H, W, C] at random by up to `shift` pixels; edge pixels are repeated.

    >>> shift_images(torch.arange(6.0).reshape(1, 2, 3, 1), torch.tensor([[2, 3]]), shift=9).shape
    torch.Size([1, 2, 3, 1])
    """
    count = len(images)
    rows, columns = (
        torch.arange(length, device=images.device)
        + torch.randint(-shift, shift + 1, (count, 1), device=images.device)
        for length in images.shape[1:3]
    )
    rows = rows.clamp(min=0).minimum(sizes[:, :1] - 1)
    columns = columns.clamp(min=0).minimum(sizes[:, 1:] - 1)
    image_numbers = torch.arange(count, device=images.device)[:, None, None]
    shifted_images = images[image_numbers, rows[:, :, None], columns[:, None, :]]
    return shifted_images * valid_positions(sizes, images.shape[1:3]).unsqueeze(-1)
