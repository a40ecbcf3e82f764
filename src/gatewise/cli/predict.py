"""`gatewise predict`: what a trained model says of new data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import console
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.networks.saving import load_model
from gatewise.tasks import find_task
from gatewise.training.task import Prediction

OUT = Annotated[Path, typer.Option(help="The CSV, Parquet or text file to write.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("predict", help=about)(predict)


def predict(run: RUN, data: DATA, out: OUT) -> None:
    """What comes after the end of a series, the class of a sequence, the translation of a line ..."""
    if out.suffix not in (".csv", ".parquet", ".txt") or out.resolve() == data.resolve():
        raise GatewiseError(
            f"expected --out as a .csv, .parquet or .txt other than the data, got {str(out)!r}"
        )
    model = load_model(run)
    with console.status("reading and predicting"):
        told: Prediction = find_task(model.task).predict(model, data)
    if out.suffix == ".txt" and told.lines is None:
        raise GatewiseError(
            f"what a {model.task} model says is a table; give --out as a CSV, got {str(out)!r}"
        )
    write_whole(out, partial(_write, told, out.suffix))
    console.print(f"wrote {out}: {told.about}")


def _write(told: Prediction, suffix: str, path: Path) -> None:
    if suffix == ".csv":
        told.frame.write_csv(path, datetime_format=told.times)
    elif suffix == ".parquet":
        told.frame.write_parquet(path)
    else:
        path.write_text("".join(f"{line}\n" for line in told.frame[str(told.lines)]), encoding="utf-8")
