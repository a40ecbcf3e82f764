"""`gatewise demo`: the comparison on a series that ships with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

import typer

from gatewise.cli.compare import COMPARE
from gatewise.cli.training_verbs import OUT, Asked, carry_out
from gatewise.tasks import find_task
from gatewise.training.progress import console

ABOUT = (
    "El Niño: the monthly sea surface temperature off Ecuador and Peru, 1950 to 2010 "
    "(NOAA, ERSST.V3B, region Niño 1+2; public domain)"
)


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("demo", help=about)(demo)


def demo(out: OUT = None) -> None:
    """Compare cells and baselines at foretelling a year of sea temperatures."""
    console.print(ABOUT)
    with as_file(files("gatewise.data") / "examples" / "el-nino.csv") as data:
        carry_out(COMPARE, find_task("forecast"), Asked(data, out, given={"horizon": 12}))
    console.print("\nnext, on your own data: gatewise compare forecast YOUR.csv --horizon 12")
    console.print("to look at a cell:      gatewise cells lstm")
