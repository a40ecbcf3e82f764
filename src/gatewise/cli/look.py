"""`gatewise look`: what would be read from a table of series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from rich.table import Table

from gatewise.cli.parameters import with_options
from gatewise.cli.show import plain_table
from gatewise.errors import GatewiseError
from gatewise.estimators.looking import FAULTS, ForecastTableOptions, Overview, look
from gatewise.estimators.outputs import require_output
from gatewise.plots.saving import save_picture
from gatewise.plots.series import shades_gaps
from gatewise.terminal import console

MAX_ROWS = 12  # of a printed table
DATA = Annotated[Path, typer.Argument(help="A CSV, Parquet or .tsf file of series; - for standard input.")]
OUT = Annotated[
    Path | None, typer.Option(help="The .png file of a figure of the first series; none by default.")
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("look", help=about)(with_options(ForecastTableOptions)(show))


def show(given: dict[str, Any], data: DATA, out: OUT = None) -> None:
    """Show what would be read from a table of series."""
    if out is not None and out.suffix.lower() != ".png":
        raise GatewiseError(f"expected --out as a .png file, got {str(out)!r}")
    if out is not None:
        require_output(out, "a .png file", data=data)
    found = look(data, **given)
    _print(found, data)
    if out is not None:
        save_picture(found.plot(), out)
        shading = ", with missing steps and values shaded" if shades_gaps(found) else ""
        console.print(f"wrote {out}: the first series{shading}")


def _print(found: Overview, data: Path) -> None:
    """Prints the columns, the series if there are several, the notes, and whether a forecast reads them."""
    name = "standard input" if str(data) == "-" else data
    console.print(f"{name}: {found.size}")
    _print_table(found.columns, "columns")
    if found.series is not None and found.series.height > 1:
        absent = [fault for fault in FAULTS if found.series[fault].sum() == 0]
        _print_table(found.series.drop(absent), "series")
    for line in (*found.sentences(), *found.notes):
        console.print(line)
    refusal = "" if found.problem is None else f": {found.problem}"
    console.print(f"forecast {'refuses' if refusal else 'reads'} this table{refusal}")


def _print_table(frame: pl.DataFrame, rows: str) -> None:
    table: Table = plain_table()
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left")
    for row in frame.head(MAX_ROWS).iter_rows():
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    if frame.height > MAX_ROWS:
        table.caption, table.caption_justify = f"and {frame.height - MAX_ROWS:,} more {rows}", "left"
    console.print(table)
