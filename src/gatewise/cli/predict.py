"""`gatewise predict`: what a trained model says of new data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.outputs import require_output, write_table
from gatewise.cli.parameters import DATA, RUN
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.tasks import find_task
from gatewise.tasks.base import Prediction
from gatewise.tasks.serialization import load_model
from gatewise.training.progress import console

KIND = "a .csv, .parquet or .txt"
OUT = Annotated[
    Path,
    typer.Option(
        help="The CSV, Parquet or text file to write, replaced where it exists. In a CSV an apostrophe "
        "precedes a text that spreadsheets may run, such as =1+1."
    ),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("predict", help=about)(predict)


def predict(run: RUN, data: DATA, out: OUT) -> None:
    """What comes after the end of a series, the class of a sequence, the translation of a line ..."""
    if out.suffix.lower() not in (".csv", ".parquet", ".txt"):
        raise GatewiseError(f"expected --out as {KIND}, got {str(out)!r}")
    require_output(out, KIND, data=data, run=run)
    model = load_model(run)
    with console.status("reading and predicting"):
        told: Prediction = find_task(model.task).predict(model, data)
    if out.suffix.lower() != ".txt":
        write_table(told.frame, out, told.times)
    elif told.lines is not None:
        lines = "".join(f"{line}\n" for line in told.frame[told.lines])
        write_whole(out, lambda path: path.write_text(lines, encoding="utf-8"))
    else:
        raise GatewiseError(
            f"what a {model.task} model says is a table; give --out as a CSV, got {str(out)!r}"
        )
    console.print(f"wrote {out}: {told.about}")
