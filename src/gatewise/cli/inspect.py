"""`gatewise inspect`: the gates and states of a trained model on one example, as an offline page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.errors import GatewiseError
from gatewise.estimators.loading import load
from gatewise.estimators.outputs import MARK, PAGE, require_output
from gatewise.report import PICTURES, Inspection
from gatewise.terminal import console

OUT = Annotated[
    Path | None,
    typer.Option(help="The .html file to write or replace; report.html by default."),
]
EXAMPLE = Annotated[
    int, typer.Option(min=0, help="The number of the example in the test set, counted from 0.")
]
STEP = Annotated[
    int | None, typer.Option(min=0, help="The step at which the report opens; the last by default.")
]
LAYER = Annotated[
    int | None,
    typer.Option(
        min=0, help="The layer at which the report opens; by default the first over the example's steps."
    ),
]
ATTRIBUTION = Annotated[
    bool,
    typer.Option(
        "--attribution", help="Attribute the prediction to the inputs: integrated gradients, by Captum."
    ),
]
PNG = Annotated[Path | None, typer.Option(help="A folder for PNG figures of the report.", show_default=False)]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("inspect", help=about)(inspect)


def inspect(
    run: RUN,
    data: DATA,
    out: OUT = None,
    example: EXAMPLE = 0,
    step: STEP = None,
    layer: LAYER = None,
    attribution: ATTRIBUTION = False,
    png: PNG = None,
) -> None:
    """Show every gate and state of a trained model, step by step, on an example of the test set."""
    path = out or Path("report.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise GatewiseError(f"expected --out as an .html file, got {str(out)!r}")
    if png is not None and png.exists() and not png.is_dir():
        raise GatewiseError(f"expected --png as a folder, got the file {str(png)!r}")
    require_output(path, "an .html file", None if out else PAGE, data=data, run=run)
    if png is not None:
        for name in PICTURES:
            require_output(png / name, "a folder", MARK, "--png", data=data, run=run)
    model = load(run)
    with console.status("reading and tracing"):
        report = model.inspect(example, data, attribution=attribution, step=step, layer=layer)
        report.save(path)
        pictures = {} if png is None else report.save_pictures(png)
    _show(report.inspection)
    console.print(f"wrote {path}: {_count(report.inspection.titles)}; open it in a browser")
    for name, about in pictures.items():
        console.print(f"  {png}/{name:<18} {about}")


def _show(found: Inspection) -> None:
    """Prints the prediction, its attribution and the gradient of each state."""
    if found.example.prediction:
        console.print(f"{found.example.name}: {found.example.prediction}")
    if attribution := found.example.attribution:
        console.print(f"attribution: {attribution.sentence()}")
        console.print(f"  largest contributions: {attribution.largest(found.example.times)}")
    for flow in found.flows:
        for state in flow.norms:
            console.print(f"  {flow.sentence(state)}")
    if found.no_flow:
        console.print(f"  no gradient by lag: {found.no_flow}")


def _count(titles: tuple[str, ...]) -> str:
    return titles[0] if len(titles) == 1 else f"{len(titles)} layers"
