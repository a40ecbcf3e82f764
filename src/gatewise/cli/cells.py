"""`gatewise cells`: the cells and their equations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gatewise.cells import cells as built_in
from gatewise.cells import find_cell, lattice_cells
from gatewise.cells.base import CellType
from gatewise.cells.formula import formulas
from gatewise.diagrams import draw
from gatewise.errors import GatewiseError
from gatewise.terminal import Terminal

NAME = Annotated[
    str | None,
    typer.Argument(
        help="A cell's name, or FILE.py:Name for your own, which executes the file; mdlstm3 has three axes."
    ),
]
DRAW = Annotated[
    Path | None, typer.Option("--draw", help="The .svg file of a diagram of one step.", show_default=False)
]
SEQUENCE_NOTE = (
    "W_k x, w_k x and R_k v each add a bias, unless normalization shifts them; [t-1] is the step before."
)
LATTICE_NOTE = (
    "W_k x and R_k v each add a bias, R1_k v and R2_k v do not; [p-e1] is the position one back along axis 1."
)
MATRIX_NOTE = "{} is a matrix: a row for each unit, a column for each of the K units of its head."


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("cells", help=about)(show)


def show(name: NAME = None, draw_to: DRAW = None) -> None:
    """List all cells, or show the equations of one, and draw its step."""
    console = Terminal()
    if name is not None:
        cell = find_cell(name)
        if draw_to is not None:
            draw(cell).save(draw_to)
        console.print(_described(cell), soft_wrap=True)
        if draw_to is not None:
            console.print(f"\nwrote {draw_to}: one step; open it in a browser")
        return
    if draw_to is not None:
        raise GatewiseError("--draw needs the name of a cell: gatewise cells lstm --draw lstm.svg")
    console.print(_table("cell", built_in().values()))
    console.print()
    console.print(_table("lattice cell", lattice_cells().values()))
    console.print("\nLattice cells are shown for two axes; others exist too: mdlstm3, grid4gru")
    console.print("gatewise cells NAME shows the equations; FILE.py:Name is your own cell")


def _table(kind: str, cells: Iterable[CellType]) -> Table:
    table = Table(kind, "states", "gates", "description", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for cell in cells:
        table.add_row(cell.__name__, " ".join(cell.state), " ".join(cell.gates), cell.about)
    return table


def _described(cell: CellType) -> str:
    lines = formulas(cell)
    width = max(map(len, lines))
    notes = [MATRIX_NOTE.format(name) for name in cell.matrix_states]
    return "\n".join(
        [
            f"{cell.__name__}: {cell.about}",
            "",
            *(f"    {name:<{width}} = {formula}" for name, formula in lines.items()),
            "",
            f"states: {', '.join(cell.state)}",
            f"gates:  {', '.join(cell.gates) or 'none'}",
            f"source: {cell.source}",
            "",
            LATTICE_NOTE if cell.of_lattice else SEQUENCE_NOTE,
            *notes,
        ]
    )
