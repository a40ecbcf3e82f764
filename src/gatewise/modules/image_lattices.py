"""Images as lattices of patches, and the cells that run over them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.cells.grid import Transform
from gatewise.cells.multidimensional import mdgru, mdlstm, mdrnn
from gatewise.cells.serialization import to_data
from gatewise.cells.transforms import TRANSFORMS
from gatewise.errors import GatewiseError

AXES = 2


IMAGE_CELLS: dict[Transform, Callable[[int], CellType]] = {
    "lstm": mdlstm,
    "gru": mdgru,
    "rnn": mdrnn,
}  # the multidimensional cell in place of a cell of sequences


def image_cell(cell: CellType) -> CellType:
    """The cell that runs over images: a cell of two axes itself, mdlstm for lstm, and so on.

    >>> from gatewise.cells import GRU
    >>> image_cell(GRU).__name__
    'MDGRU2'

    Raises: `GatewiseError` if there is none.
    """
    if cell.of_lattice and cell.axes == AXES:
        return cell
    lines = to_data(cell)["lines"]
    for transform, known in TRANSFORMS.items():
        if lines == to_data(known)["lines"]:
            return IMAGE_CELLS[transform](AXES)
    raise GatewiseError(
        f"the cell {cell.__name__} does not run over images; "
        "give lstm, gru, rnn or a cell of lattices such as mdlstm"
    )


def to_patches(images: Tensor, sizes: Tensor, patch: int) -> tuple[Tensor, Tensor]:
    """Splits images into lattices of `patch` x `patch` patches; the lower and right edges are zero-padded.

    Args:
        images: [B, H, W, C], zero outside their sizes
        sizes: [B, 2], the height and width of each image
        patch: P, the side of a patch in pixels

    Returns:
        lattices [B, H / P, W / P, P * P * C], rounded up, and their sizes [B, 2]

    >>> import torch
    >>> lattice, sizes = to_patches(torch.arange(1.0, 13).reshape(1, 3, 4, 1), torch.tensor([[3, 3]]), 2)
    >>> lattice.shape, lattice[0, 1, 0].tolist(), sizes.tolist()
    (torch.Size([1, 2, 2, 4]), [9.0, 10.0, 0.0, 0.0], [[2, 2]])
    """
    height, width = images.shape[1:3]
    padded = functional.pad(images, (0, 0, 0, -width % patch, 0, -height % patch))
    split = padded.unflatten(2, (-1, patch)).unflatten(1, (-1, patch))
    return split.transpose(2, 3).flatten(3), (sizes + patch - 1) // patch
