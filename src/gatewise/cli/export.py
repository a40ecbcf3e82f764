"""`gatewise export`: a trained model as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.parameters import RUN
from gatewise.estimators.exporting import ENDINGS, Format, Quantization
from gatewise.estimators.loading import load
from gatewise.estimators.outputs import require_output
from gatewise.terminal import console

OUT = Annotated[
    Path | None,
    typer.Option(
        help="The file to write or replace; model with the ending of the format.", show_default=False
    ),
]
TO = Annotated[
    Format,
    typer.Option(
        help="The format: onnx for a graph of raw values, torch for the same as an archive of torch.export, "
        "aoti for that compiled to a library by AOTInductor, "
        "c for a step of the model as C99, model.c and model.h."
    ),
]
QUANTIZE = Annotated[
    Quantization | None,
    typer.Option(help="int8 for int8 weights.", show_default=False),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("export", help=about)(export)


def export(run: RUN, to: TO, out: OUT = None, quantize: QUANTIZE = None) -> None:
    """Write a trained model as files for other programs."""
    path = Path(f"model.{ENDINGS[to]}") if out is None else out
    require_output(path, "a file", run=run)
    model = load(run)
    with console.status("exporting"):
        files = model.export(path, to, quantize=quantize)
    console.print(f"wrote {files}", soft_wrap=True)
