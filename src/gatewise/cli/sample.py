"""`gatewise sample`: a trained model continues a text, or draws sequences of vectors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from gatewise.cli.outputs import MARK, require_output, write_table
from gatewise.cli.parameters import RUN, with_options
from gatewise.errors import GatewiseError
from gatewise.plots.saving import save_picture
from gatewise.tasks import TASKS, find_task
from gatewise.tasks.base import Task
from gatewise.tasks.options import resolve
from gatewise.tasks.serialization import SavedModel, load_model
from gatewise.terminal import printable
from gatewise.training.progress import console

OUT = Annotated[
    Path | None,
    typer.Option(
        help="Of vectors: the CSV or Parquet file to write, replaced where it exists; a .png goes beside it.",
        show_default=False,
    ),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    kinds = [task.sampling for task in map(find_task, TASKS) if task.sampling is not None]
    app.command("sample", help=about)(with_options(*kinds)(sample))


def sample(given: dict[str, Any], run: RUN, out: OUT = None) -> None:
    """Continue a text, symbol by symbol, or draw sequences of vectors, step by step."""
    model = load_model(run)
    task = find_task(model.task)
    if task.sampling is None:
        raise GatewiseError(f"{str(run)!r} holds a model of {task.name!r}, from which nothing can be drawn")
    for name in given:
        if name not in task.sampling.model_fields:
            known = ", ".join(f"--{one.replace('_', '-')}" for one in task.sampling.model_fields)
            raise GatewiseError(
                f"--{name.replace('_', '-')} does not apply to the model in {str(run)!r}; it takes {known}"
            )
    if task.samples_table:
        _write_table(task, model, run, given, out)
        return
    if out is not None:
        raise GatewiseError(f"--out is for a model of vectors; {str(run)!r} holds another: leave it out")
    _stream(task.sample(model, resolve(task.sampling, None, given)))


def _stream(pieces: Iterator[str]) -> None:
    """Writes a text as it is drawn."""
    shown = printable if sys.stdout.isatty() else str  # a file gets every symbol as it is
    for piece in pieces:
        sys.stdout.write(shown(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")


def _write_table(
    task: Task[Any], model: SavedModel, run: Path, given: dict[str, Any], out: Path | None
) -> None:
    if out is None or out.suffix.lower() not in (".csv", ".parquet"):
        got = "" if out is None else f", not {str(out)!r}"
        raise GatewiseError(f"vectors make a table: give --out FILE.csv or FILE.parquet{got}")
    picture = out.with_suffix(".png")
    require_output(out, "a .csv or .parquet file", run=run)
    require_output(picture, "a file whose .png is", MARK, run=run)
    assert task.sampling is not None
    drawn: pl.DataFrame = task.sample(model, resolve(task.sampling, None, given))
    write_table(drawn, out)
    save_picture(task.draw_sample(model, drawn), picture)
    count = drawn[:, 0].n_unique()
    console.print(f"wrote {out}: {count} sequences of {drawn.height // count} steps; {picture} shows them")
