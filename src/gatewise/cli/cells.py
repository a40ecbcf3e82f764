"""`gatewise cells`: the cells and their equations."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gatewise.cells import cells as built_in
from gatewise.cells import find_cell
from gatewise.cells.base import CellType
from gatewise.cells.formula import formulas

NAME = Annotated[str | None, typer.Argument(help="A cell's name, or FILE.py:Name for your own.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("cells", help=about)(show)


def show(name: NAME = None) -> None:
    """Show all cells, or the equations of one."""
    console = Console(highlight=False, markup=False)
    if name is not None:
        console.print(_described(find_cell(name)), soft_wrap=True)
        return
    table = Table(
        "cell", "states", "gates", "what it is", box=None, header_style="bold", padding=(0, 2, 0, 0)
    )
    for cell in built_in().values():
        table.add_row(cell.__name__, " ".join(cell.state), " ".join(cell.gates), cell.about)
    console.print(table)
    console.print("\ngatewise cells NAME shows the equations; your own cell is FILE.py:Name")


def _described(cell: CellType) -> str:
    lines = formulas(cell)
    width = max(map(len, lines))
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
            "W_k x and R_k v each add a bias, unless a normaliser shifts them; [t-1] is the step before.",
        ]
    )
