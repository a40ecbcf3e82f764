"""`gatewise surgery`: what a trained model loses when a gate is held, or a unit silenced."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import torch
import typer
from rich.table import Table
from torch import Tensor

from gatewise.cli.outputs import require_output, write_table
from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import plain_table
from gatewise.data.text.streams import TextStreams
from gatewise.errors import GatewiseError
from gatewise.insight.ablation import gate_surgery, unit_surgery
from gatewise.modules.network import Network
from gatewise.tasks import find_task
from gatewise.tasks.serialization import load_model
from gatewise.training.batches import loader
from gatewise.training.progress import Bar, console

ROWS, GATE_BATCHES, UNIT_BATCHES = 32, 8, 1  # units are many: each is silenced on one batch
STRETCH = 512  # symbols of a stream, at least
HEADER = b"layer,cell,"  # of our own tables
TOLD = 16  # rows of the table; the file has all

UNITS = Annotated[bool, typer.Option("--units", help="Silence one unit after another, not hold gates.")]
OUT = Annotated[
    Path | None,
    typer.Option(help="The .csv file to write, replaced where it exists; surgery.csv if not given."),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("surgery", help=about)(operate)


def operate(run: RUN, data: DATA, units: UNITS = False, out: OUT = None) -> None:
    """Hold each gate open, shut and at its mean, or silence each unit, and see what the loss becomes.

    The loss is that of the training, on the first batches of what the model has not seen.
    """
    table = out or Path("surgery.csv")
    if table.suffix.lower() != ".csv":
        raise GatewiseError(f"expected --out as a .csv file, got {str(out)!r}")
    mark = None if out else HEADER
    require_output(table, "a .csv file", mark, data=data, run=run)
    model = load_model(run)
    with console.status("reading"):
        part = find_task(model.task).load_for_evaluation(model, data).test
        batches = list(
            islice(loader(part, _rows(part), 0, 1, False, 0), UNIT_BATCHES if units else GATE_BATCHES)
        )
    operation, what = (unit_surgery, "units") if units else (gate_surgery, "gates")
    with Bar() as bar:
        bar.begin(what)
        found = operation(model.network.eval(), lambda: mean_loss(model.network, batches), bar.progress)
    write_table(found, table)
    before = float(found["loss"][0] - found["change"][0])
    console.print(f"{model.name}, trained to {model.task}: its loss is {before:.4g}; the worst first")
    console.print(_table(found))
    console.print(f"wrote {table}: all {found.height} of them")


def _rows(part: Any) -> int:
    """Of a batch; of a short text fewer streams run side by side."""
    return max(1, min(ROWS, len(part.text) // STRETCH)) if isinstance(part, TextStreams) else ROWS


def mean_loss(network: Network, batches: list[Any]) -> Tensor:
    """The mean over the terms of all batches."""
    weights = torch.tensor([float(network.weight(batch)) for batch in batches])
    losses = torch.stack([network.loss(batch) for batch in batches])
    return (losses * weights.to(losses)).sum() / weights.sum()


def _table(found: pl.DataFrame) -> Table:
    table = plain_table()
    for name in found.columns:
        table.add_column(name, justify="right" if found[name].dtype.is_numeric() else "left")
    for row in found.head(TOLD).iter_rows(named=True):
        change = f"{row.pop('change'):+.4g}"
        table.add_row(*(f"{one:.4g}" if isinstance(one, float) else str(one) for one in row.values()), change)
    return table
