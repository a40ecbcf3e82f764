"""`gatewise train`: one network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.cli.forecasting import CONFIG, OUT, RESUME, carry_out, start_or_resume, tell_files
from gatewise.cli.parameters import with_options
from gatewise.cli.show import console
from gatewise.training.forecasting import train
from gatewise.training.options import TrainOptions


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    verb = typer.Typer(help=about, no_args_is_help=True)
    verb.callback()(lambda: None)
    verb.command("forecast")(with_options(TrainOptions)(forecast))
    app.add_typer(verb, name="train")


def forecast(
    given: dict[str, Any],
    data: Annotated[Path | None, typer.Argument(help="A CSV or Parquet file of series.")] = None,
    out: OUT = None,
    config: CONFIG = None,
    resume: RESUME = None,
) -> None:
    """Train a network that foretells series."""
    run = start_or_resume("train", TrainOptions, data, out, config, resume, given)
    contest = carry_out(run, train)
    tell_files(run, contest)
    console.print(f"\nnext: gatewise predict {run.folder} {run.data} --out forecast.csv")
