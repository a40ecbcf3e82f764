"""`gatewise demo`: the comparison on a series that ships with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

import typer

from gatewise.cli.training_verbs import OUT, Command, execute_command
from gatewise.tasks import find_task
from gatewise.terminal import console

ABOUT = (
    "El Niño: the monthly sea surface temperature off Ecuador and Peru, 1950 to 2010 "
    "(NOAA, ERSST.V3B, region Niño 1+2; public domain)"
)


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("demo", help=about)(demo)


def demo(out: OUT = None) -> None:
    """Compare cells and baselines: forecast one year of sea surface temperatures."""
    console.print(ABOUT)
    with as_file(files("gatewise.data") / "examples" / "el-nino.csv") as data:
        execute_command("compare", find_task("forecast"), Command(data, out, options={"horizon": 12}))
    console.print("\nnext, on your own data: gatewise compare forecast YOUR.csv --horizon 12")
    console.print("to look at a cell:      gatewise cells lstm")
