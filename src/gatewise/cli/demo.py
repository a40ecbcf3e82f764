"""`gatewise demo`: the comparison on a series that ships with the package."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.forecasting import carry_out, start_or_resume, tell_files
from gatewise.cli.show import console
from gatewise.training.forecasting import compare
from gatewise.training.options import CompareOptions

ABOUT = (
    "El Niño: the monthly sea surface temperature off Ecuador and Peru, 1950 to 2010 "
    "(NOAA, ERSST.V3B, region Niño 1+2; public domain)"
)
OUT = Annotated[Path | None, typer.Option(help="The run's folder; a new one under runs/ if not given.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("demo", help=about)(demo)


def demo(out: OUT = None) -> None:
    """Compare cells and baselines at foretelling a year of sea temperatures."""
    console.print(ABOUT)
    with as_file(files("gatewise.data") / "examples" / "el-nino.csv") as data:
        run = start_or_resume("compare", CompareOptions, data, out, None, None, {"horizon": 12})
        contest = carry_out(run, compare)
    tell_files(run, contest)
    console.print("\nnext, on your own data: gatewise compare forecast YOUR.csv --horizon 12")
    console.print("to look at a cell:      gatewise cells lstm")
