"""`gatewise inspect`: what happens inside a trained model on one example, as a page that opens offline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.outputs import MARK, PAGE, require_output
from gatewise.cli.parameters import DATA, RUN
from gatewise.errors import GatewiseError
from gatewise.report import PICTURES, draw, inspect, write_page
from gatewise.report.example import Example
from gatewise.tasks import find_task
from gatewise.tasks.serialization import load_model
from gatewise.training.progress import console

OUT = Annotated[
    Path | None,
    typer.Option(help="The .html file to write, replaced where it exists; report.html if not given."),
]
EXAMPLE = Annotated[int, typer.Option(min=0, help="Which example of the test part, from 0 on.")]
STEP = Annotated[
    int | None, typer.Option(min=0, help="The step at which the report opens; the last if not given.")
]
LAYER = Annotated[
    int | None,
    typer.Option(min=0, help="The layer with which it opens; the first that runs over the example's steps."),
]
ATTRIBUTION = Annotated[
    bool,
    typer.Option(
        "--attribution", help="Show which inputs the prediction came from: integrated gradients, by Captum."
    ),
]
PNG = Annotated[Path | None, typer.Option(help="A folder for pictures of the same.", show_default=False)]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("inspect", help=about)(look)


def look(
    run: RUN,
    data: DATA,
    out: OUT = None,
    example: EXAMPLE = 0,
    step: STEP = None,
    layer: LAYER = None,
    attribution: ATTRIBUTION = False,
    png: PNG = None,
) -> None:
    """See every gate and state of a trained model, step by step, on an example that it has not seen."""
    report = out or Path("report.html")
    if report.suffix.lower() not in (".html", ".htm"):
        raise GatewiseError(f"expected --out as an .html file, got {str(out)!r}")
    if png is not None and png.exists() and not png.is_dir():
        raise GatewiseError(f"expected --png as a folder, got the file {str(png)!r}")
    require_output(report, "an .html file", None if out else PAGE, data=data, run=run)
    if png is not None:
        for name in PICTURES:
            require_output(png / name, "a folder", MARK, "--png", data=data, run=run)
    model = load_model(run)
    network = model.network
    with console.status("reading and looking inside"):
        chosen = find_task(model.task).example(model, data, example)
        found = inspect(
            network,
            lambda: network.loss(chosen.batch),
            chosen.last or (lambda: network.loss(chosen.batch)),
            chosen,
            f"{model.name}, trained to {model.task}",
        )
        if attribution:
            found = replace(found, example=_explained(chosen, model.task, step))
        if layer is None:
            layer = chosen.opening([one.module for one in found.layers])
        write_page(found, report, layer, step)
        pictures = {} if png is None else draw(found, png, layer)
    if chosen.said:
        console.print(f"{chosen.name}: {chosen.said}")
    if explained := found.example.explained:
        console.print(f"attribution: {explained.sentence()}")
        console.print(f"  most by {explained.most(chosen.times)}")
    for flow in found.flows:
        for state in flow.norms:
            console.print(f"  {flow.sentence(state)}")
    if found.no_flow:
        console.print(f"  no gradient against the lag: {found.no_flow}")
    console.print(f"wrote {report}: {_told(found.titles)}; open it in a browser")
    for name, about in pictures.items():
        console.print(f"  {png}/{name:<18} {about}")


def _explained(example: Example, task: str, step: int | None) -> Example:
    """Errors: `GatewiseError` where the task does not offer it."""
    if example.explain is None:
        raise GatewiseError(f"attribution is not offered for the task {task!r} yet; leave --attribution out")
    return example.with_attribution(step)


def _told(titles: tuple[str, ...]) -> str:
    return titles[0] if len(titles) == 1 else f"{len(titles)} layers"
