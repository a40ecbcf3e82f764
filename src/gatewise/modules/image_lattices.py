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


OVER_IMAGES: dict[Transform, Callable[[int], CellType]] = {
    "lstm": mdlstm,
    "gru": mdgru,
    "rnn": mdrnn,
}  # what becomes of a cell of sequences


def over_images(cell: CellType) -> CellType:
    """The cell that reads images: itself where it is one of two axes, mdlstm for lstm and so on.

    >>> from gatewise.cells import GRU
    >>> over_images(GRU).__name__
    'MDGRU2'

    Errors: `GatewiseError` where there is none.
    """
    if cell.of_lattice and cell.axes == AXES:
        return cell
    lines = to_data(cell)["lines"]
    for transform, one in TRANSFORMS.items():
        if lines == to_data(one)["lines"]:
            return OVER_IMAGES[transform](AXES)
    raise GatewiseError(
        f"the cell {cell.__name__} does not run over images; "
        "give lstm, gru, rnn or a cell of lattices such as mdlstm"
    )


def patches(images: Tensor, sizes: Tensor, patch: int) -> tuple[Tensor, Tensor]:
    """Images [B, H, W, C], zero outside their own sizes [B, 2], as lattices of patches of `patch` x `patch`.

    Patches at the lower and right edge are filled up with zeros.

    >>> import torch
    >>> lattice, sizes = patches(torch.arange(1.0, 13).reshape(1, 3, 4, 1), torch.tensor([[3, 3]]), 2)
    >>> lattice.shape, lattice[0, 1, 0].tolist(), sizes.tolist()
    (torch.Size([1, 2, 2, 4]), [9.0, 10.0, 0.0, 0.0], [[2, 2]])
    """
    height, width = images.shape[1:3]
    filled = functional.pad(images, (0, 0, 0, -width % patch, 0, -height % patch))
    cut = filled.unflatten(2, (-1, patch)).unflatten(1, (-1, patch))
    return cut.transpose(2, 3).flatten(3), (sizes + patch - 1) // patch
