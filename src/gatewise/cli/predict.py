"""`gatewise predict`: what comes after the end of a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import console
from gatewise.data.times import say, time_format
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.training.forecasting import predict

OUT = Annotated[Path, typer.Option(help="The CSV file to write.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("predict", help=about)(future)


def future(run: RUN, data: DATA, out: OUT) -> None:
    """Foretell what comes after the end of a file, with quantiles."""
    if out.suffix != ".csv" or out.resolve() == data.resolve():
        raise GatewiseError(f"expected --out as a CSV file other than the data, got {str(out)!r}")
    forecast = predict(run, data)
    write_whole(out, partial(forecast.write_csv, datetime_format=time_format(forecast[:, 1])))
    first, last = forecast[0, 1], forecast[-1, 1]
    rows = f"{forecast.height} rows from {say(first)} to {say(last)}"
    console.print(f"wrote {out}: {rows}; the median, and the quantiles 0.1 to 0.9")
