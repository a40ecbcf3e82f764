"""Draws one step of a cell."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import find_cell
from gatewise.diagrams.document import document
from gatewise.diagrams.graph import graph
from gatewise.diagrams.wiring import wired
from gatewise.errors import GatewiseError
from gatewise.files import write_whole


@dataclass(frozen=True, repr=False)
class Diagram:
    """The diagram of one step of a cell; a notebook shows it.

    cell: the name of the cell
    svg: the text of an SVG file
    """

    cell: str
    svg: str

    def __repr__(self) -> str:
        return f"Diagram({self.cell}; show it in a notebook, or write it with .save('cell.svg'))"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an SVG file.

        path: the `.svg` file

        Raises: `GatewiseError` if it is no path, or has another ending.
        """
        if not isinstance(path, str | os.PathLike):
            raise GatewiseError(f"expected a path that ends in .svg, got {path!r}")
        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise GatewiseError(f"expected a path that ends in .svg, got {str(path)!r}")
        write_whole(path, lambda partial: partial.write_text(self.svg, encoding="utf-8"))


def draw(cell: CellType | str) -> Diagram:
    """Draws one step of a cell from its equations, as textbooks do.

    Layers are boxes, with the matrix of each value that enters; products and sums are circles; states run
    from left to right, the input comes from below, and the output leaves at the top.

    cell: a cell, or its name as `gatewise cells` takes it

    >>> import gatewise
    >>> gatewise.draw("lstm")
    Diagram(LSTM; show it in a notebook, or write it with .save('cell.svg'))

    Raises: `GatewiseError` if there is no such cell.
    """
    if isinstance(cell, str):
        cell = find_cell(cell)
    if not hasattr(cell, "lines"):
        raise GatewiseError(f"expected a cell or its name, such as 'lstm', got {cell!r}")
    return Diagram(cell.__name__, document(cell, wired(graph(cell))))
