"""`gatewise ablate`: the loss of a trained model with one gate or one unit clamped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.table import Table

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import plain_table
from gatewise.errors import GatewiseError
from gatewise.estimators.loading import load
from gatewise.estimators.outputs import require_output, write_table
from gatewise.terminal import console

HEADER = b"layer,cell,"  # of the tables of this verb
ROWS = 16  # of the printed table; the file has all

UNITS = Annotated[bool, typer.Option("--units", help="Ablate units instead of gates.")]
OUT = Annotated[
    Path | None,
    typer.Option(help="The .csv file to write or replace; ablation.csv by default."),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("ablate", help=about)(ablate_model)


def ablate_model(run: RUN, data: DATA, units: UNITS = False, out: OUT = None) -> None:
    """Clamp each gate to 1, to 0 and to its mean, or each unit to its mean, and compute the loss.

    The loss is the training loss on the first batches of the test set.
    """
    table = out or Path("ablation.csv")
    if table.suffix.lower() != ".csv":
        raise GatewiseError(f"expected --out as a .csv file, got {str(out)!r}")
    mark = None if out else HEADER
    require_output(table, "a .csv file", mark, data=data, run=run)
    model = load(run)
    found = model.ablate(data, units=units)
    write_table(found, table)
    before = float(found["loss"][0] - found["change"][0])
    console.print(f"{model.title}: loss {before:.4g}; largest change first")
    console.print(_table(found))
    console.print(f"wrote {table}: {found.height} rows")


def _table(found: pl.DataFrame) -> Table:
    table = plain_table()
    for name in found.columns:
        table.add_column(name, justify="right" if found[name].dtype.is_numeric() else "left")
    for row in found.head(ROWS).iter_rows(named=True):
        change = f"{row.pop('change'):+.4g}"
        table.add_row(*(f"{one:.4g}" if isinstance(one, float) else str(one) for one in row.values()), change)
    return table
