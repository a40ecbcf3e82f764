"""`gatewise sample`: a trained model continues a text, or generates sequences of vectors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from gatewise.cli.parameters import RUN, with_options
from gatewise.errors import GatewiseError
from gatewise.estimators.loading import load
from gatewise.estimators.outputs import MARK, require_output, write_table
from gatewise.estimators.sampling import SamplingMethods
from gatewise.plots.saving import save_picture
from gatewise.tasks import TASKS, find_task
from gatewise.terminal import console, printable

OUT = Annotated[
    Path | None,
    typer.Option(
        help="For vectors: the CSV or Parquet file to write or replace; a .png is written beside it.",
        show_default=False,
    ),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    kinds = [task.sampling for task in map(find_task, TASKS) if task.sampling is not None]
    app.command("sample", help=about)(with_options(*kinds)(sample))


def sample(given: dict[str, Any], run: RUN, out: OUT = None) -> None:
    """Continue a text symbol by symbol, or generate sequences of vectors step by step."""
    model = load(run)
    if not isinstance(model, SamplingMethods):
        raise GatewiseError(
            f"{str(run)!r} has a model of the task {model.model_.task!r}, which can't generate"
        )
    _require_known(given, model, run)
    if model.samples_are_tables:
        _write_table(model, run, given, out)
    elif out is None:
        _stream(model.sample(**given))
    else:
        raise GatewiseError(f"--out is for a model of vectors, and {str(run)!r} has another; leave it out")


def _require_known(given: dict[str, Any], model: SamplingMethods, run: Path) -> None:
    for name in given:
        if name not in model.sampling_options.model_fields:
            known = ", ".join(f"--{one.replace('_', '-')}" for one in model.sampling_options.model_fields)
            raise GatewiseError(
                f"--{name.replace('_', '-')} does not apply to the model in {str(run)!r}; it takes {known}"
            )


def _stream(symbols: Iterator[str]) -> None:
    """Prints a text while it is generated."""
    escape = printable if sys.stdout.isatty() else str  # a file gets every symbol unchanged
    for symbol in symbols:
        sys.stdout.write(escape(symbol))
        sys.stdout.flush()
    sys.stdout.write("\n")


def _write_table(model: SamplingMethods, run: Path, given: dict[str, Any], out: Path | None) -> None:
    if out is None or out.suffix.lower() not in (".csv", ".parquet"):
        got = "" if out is None else f", not {str(out)!r}"
        raise GatewiseError(f"samples of vectors are a table: give --out FILE.csv or FILE.parquet{got}")
    picture = out.with_suffix(".png")
    require_output(out, "a .csv or .parquet file", run=run)
    require_output(picture, "a file whose .png is", MARK, run=run)
    sampled: pl.DataFrame = model.sample(**given)
    write_table(sampled, out)
    save_picture(model.plot_sample(sampled), picture)
    count = sampled[:, 0].n_unique()
    console.print(f"wrote {out}: {count} sequences of {sampled.height // count} steps; {picture} shows them")
