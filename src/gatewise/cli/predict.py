"""`gatewise predict`: what comes after the end of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import console
from gatewise.data.times import say
from gatewise.files import write_whole
from gatewise.training.forecasting import predict

OUT = Annotated[Path, typer.Option(help="The CSV file to write.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("predict", help=about)(future)


def future(run: RUN, data: DATA, out: OUT) -> None:
    """Foretell what comes after the end of a file, with quantiles."""
    forecast = predict(run, data)
    write_whole(out, forecast.write_csv)
    times = forecast["time"].sort()
    span = f"{say(times[0])} to {say(times[-1])}"
    console.print(f"wrote {out}: {forecast.height} rows, {span}, the median and 9 quantiles each")
