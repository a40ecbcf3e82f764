"""The transform of a grid that corresponds to a cell: an LSTM, a GRU or an RNN along every axis."""

from __future__ import annotations

from gatewise.cells import GRU, LSTM, RNN
from gatewise.cells.base import CellType
from gatewise.cells.grid import Transform
from gatewise.cells.serialization import to_data
from gatewise.errors import GatewiseError

TRANSFORMS: dict[Transform, CellType] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


def transform_of(cell: CellType) -> Transform:
    """The transform along the axes of a grid with the equations of a cell.

    >>> transform_of(GRU)
    'gru'

    Raises: `GatewiseError` if there is no such transform.
    """
    lines = to_data(cell)["lines"]
    for transform, one in TRANSFORMS.items():
        if lines == to_data(one)["lines"]:
            return transform
    raise GatewiseError(f"the cell {cell.__name__} does not fit a grid; give lstm, gru or rnn")
