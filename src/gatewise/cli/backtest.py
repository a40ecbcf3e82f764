"""`gatewise backtest`: how a trained forecaster would have forecast the end of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import plain_table, show_files
from gatewise.errors import GatewiseError
from gatewise.estimators.backtests import BACKTEST_FILES, Backtest, require_backtest_folder
from gatewise.estimators.forecasting import ForecasterMethods
from gatewise.estimators.loading import load
from gatewise.terminal import console

MAX_STEPS = 12  # rows of the printed table; the file has all

WINDOWS = Annotated[int, typer.Option(min=1, max=10**4, help="The number of origins.")]
STEP = Annotated[
    int | None,
    typer.Option(
        min=1, help="Steps from one origin to the next; the horizon if not given.", show_default=False
    ),
]
REFIT = Annotated[
    bool,
    typer.Option(
        "--refit", help="Train again at each origin, on the values before it, with the same options."
    ),
]
OUT = Annotated[
    Path | None, typer.Option(help="A folder for the forecasts, the scores and the figures; none by default.")
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("backtest", help=about)(backtest)


def backtest(
    run: RUN, data: DATA, windows: WINDOWS = 5, step: STEP = None, refit: REFIT = False, out: OUT = None
) -> None:
    """Forecast the end of each series from rolling origins, beside baselines, and score the forecasts."""
    if out is not None:
        require_backtest_folder(out, data=data, run=run)
    model = load(run)
    if not isinstance(model, ForecasterMethods):
        raise GatewiseError(
            f"a backtest is for a forecaster, and {str(run)!r} has a model of the task {model.model_.task!r}"
        )
    found = model.backtest(data, windows=windows, step=step, refit=refit, out=out)
    _show(found)
    if out is not None:
        show_files(out, BACKTEST_FILES)


def _show(found: Backtest) -> None:
    """Prints the overview, the scores of the model by step, and the verdict."""
    titles = tuple(metric.title for metric in found.metrics)
    console.print(_table(("model", *titles), found.overview()))
    rows = found.by_step()
    if len(rows) > 1:
        every = -(-len(rows) // MAX_STEPS)
        table = _table(("step", *titles), rows[::every])
        table.title, table.title_justify = f"{found.model}: by step of the horizon", "left"
        console.print(table)
    console.print(found.verdict)
    console.print(found.diagnosis)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = plain_table()
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table
