"""`gatewise predict`: the predictions of a trained model for new data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.errors import GatewiseError
from gatewise.estimators.batches import ROWS, predict_in_batches
from gatewise.estimators.forecasting import ForecasterMethods
from gatewise.estimators.loading import load
from gatewise.estimators.outputs import require_output, write_table
from gatewise.files import write_whole
from gatewise.terminal import console

KIND = "a .csv, .parquet or .txt"
OUT = Annotated[
    Path,
    typer.Option(
        help="The CSV, Parquet or text file to write or replace; for Parquet data larger than memory a "
        "folder, which is filled batch by batch, and continued after an interruption. In a CSV, texts that a "
        "spreadsheet may execute, such as =1+1, begin with an apostrophe."
    ),
]
ROWS_OF_BATCH = Annotated[
    int | None,
    typer.Option(
        "--rows",
        min=1,
        help=f"For a folder as --out: the rows of a batch, {ROWS} if not given.",
        show_default=False,
    ),
]
SAMPLES = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10**6,
        help="For forecasts: write this number of sample paths in place of quantiles.",
        show_default=False,
    ),
]
KNOWN_FROM = Annotated[
    Path | None,
    typer.Option(
        help="For forecasts: a file of the known covariates of the steps to forecast.", show_default=False
    ),
]
SEED = Annotated[int, typer.Option(min=0, help="Seed of the sample paths.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("predict", help=about)(predict)


def predict(
    run: RUN,
    data: DATA,
    out: OUT,
    samples: SAMPLES = None,
    seed: SEED = 0,
    known_from: KNOWN_FROM = None,
    rows: ROWS_OF_BATCH = None,
) -> None:
    """Predict with a trained model: the future of a series, the class of a sequence, a translation ..."""
    if not out.suffix:
        _predict_in_batches(run, data, out, rows, samples is not None or known_from is not None)
        return
    if rows is not None:
        raise GatewiseError(f"--rows is for a folder as --out, which is filled in batches, got {str(out)!r}")
    if out.suffix.lower() not in (".csv", ".parquet", ".txt"):
        raise GatewiseError(f"expected --out as {KIND}, got {str(out)!r}")
    require_output(out, KIND, data=data, run=run, future=known_from)
    model = load(run)
    is_text = out.suffix.lower() == ".txt"
    if is_text and model.predicts_tables:
        raise GatewiseError(
            f"a model of the task {model.model_.task!r} predicts a table; give --out as a .csv file, "
            f"got {str(out)!r}"
        )
    given = "--samples" if samples is not None else "--known-from" if known_from is not None else None
    if given is not None and not isinstance(model, ForecasterMethods):
        raise GatewiseError(
            f"{given} is for a forecaster, and {str(run)!r} has a model of the task {model.model_.task!r}"
        )
    with console.status("reading and predicting"):
        if isinstance(model, ForecasterMethods):
            prediction = model.prediction(data, samples=samples, seed=seed, known_from=known_from)
        else:
            prediction = model.prediction(data)
    if is_text:
        assert prediction.text_column is not None
        lines = "".join(f"{line}\n" for line in prediction.frame[prediction.text_column])
        write_whole(out, lambda path: path.write_text(lines, encoding="utf-8"))
    else:
        write_table(prediction.frame, out, prediction.time_format)
    for sentence in prediction.warnings:
        console.print(sentence, style="yellow")
    console.print(f"wrote {out}: {prediction.about}")


def _predict_in_batches(run: Path, data: Path, out: Path, rows: int | None, has_scenario: bool) -> None:
    """Fills a folder with predictions. has_scenario: whether sample paths or a scenario were asked for"""
    if has_scenario:
        raise GatewiseError("--samples and --known-from are for a file as --out, such as forecast.parquet")
    require_output(out, "a folder", data=data, run=run)
    written = predict_in_batches(load(run), data, out, rows=rows or ROWS)
    count = written.select(pl.len()).collect().item()
    console.print(f"wrote {out}: {count:,} rows of predictions in Parquet files")
