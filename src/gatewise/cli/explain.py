"""`gatewise explain`: a walk through a cell with numbers, and vanishing gradients in an experiment."""

from __future__ import annotations

from functools import partial
from itertools import groupby, product
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gatewise.cells import find_cell
from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError
from gatewise.estimators.outputs import MARK, require_output
from gatewise.insight.toy_problems import TOY_PROBLEMS
from gatewise.insight.vanishing import Outcome, learn
from gatewise.insight.walk import PHASES, WalkStep, walk
from gatewise.plots.saving import save_picture
from gatewise.plots.vanishing import draw_vanishing
from gatewise.terminal import Terminal

VANISHING = "vanishing"
NAME = Annotated[
    str, typer.Argument(help="A cell's name, FILE.py:Name (a file that is executed), or: vanishing.")
]
CELLS = Annotated[str, typer.Option(help="Of vanishing: the cells to train, separated by commas.")]
PROBLEM = Annotated[
    str, typer.Option(help="Of vanishing: the toy problem to learn.", metavar="|".join(TOY_PROBLEMS))
]
LAGS = Annotated[str, typer.Option(help="Of vanishing: the lags in steps, separated by commas.")]
STEPS = Annotated[int, typer.Option(min=1, help="Of vanishing: the number of batches to train on, at most.")]
OUT = Annotated[Path | None, typer.Option(help="Of vanishing: the .png file to write (vanishing.png).")]


console = Terminal()


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("explain", help=about)(explain)


def explain(
    context: typer.Context,
    name: NAME,
    cells: CELLS = "rnn,lstm,gru",
    problem: PROBLEM = "order",
    lags: LAGS = "10,20,40,80,160",
    steps: STEPS = 2500,
    out: OUT = None,
) -> None:
    """Walk through one step of a cell, or train cells on problems with an increasing lag."""
    if name == VANISHING:
        chosen = [_of_sequences(find_cell(one.strip())) for one in cells.split(",")]
        picture = out or Path("vanishing.png")
        if picture.suffix != ".png":
            raise GatewiseError(f"expected --out as a .png, got {str(out)!r}")
        require_output(picture, "a .png", None if out else MARK)
        _vanishing(chosen, problem, _numbers(lags), steps, picture)
        return
    given = [f"--{option}" for option in context.params if option != "name" and _is_given(context, option)]
    if given:
        raise GatewiseError(
            f"only gatewise explain {VANISHING} has {', '.join(given)}; got the cell {name!r}"
        )
    _walk(find_cell(name))


def _is_given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name != "DEFAULT"


def _of_sequences(cell: CellType) -> CellType:
    """The cell itself. Raises: `GatewiseError` if it runs over a lattice."""
    if not cell.of_sequences:
        raise GatewiseError(f"{cell.__name__} runs over a lattice; vanishing needs a cell of sequences")
    return cell


def _walk(cell: CellType) -> None:
    """Prints the purpose of each line, and its value in a tiny example."""
    found = walk(cell)
    console.print(f"{cell.__name__}: {cell.about}", soft_wrap=True)
    before = ", ".join(f"{one} = {value:.2f}" for one, value in found.before.items())
    console.print(
        f"Step {found.step} of a layer of two units, of which the first is shown: x = {found.input:.2f}; "
        f"states before: {before}.\nW_k x and R_k v are products with weights, and each adds a bias.",
        soft_wrap=True,
    )
    for phase, steps_of_phase in groupby(found.steps, key=lambda step: step.phase):
        console.print()
        console.print(Text(f"{phase}: {PHASES[phase]}", style="bold"))
        for step in steps_of_phase:
            _show(step)
    console.print(f"\nsource: {cell.source}")


def _show(step: WalkStep) -> None:
    indent = " " * (4 + len(step.name))
    console.print()
    console.print(f"    {step.name} = {step.equation}", soft_wrap=True)
    console.print(f"{indent} = {step.substituted}", style="cyan", soft_wrap=True)
    console.print(f"{indent} = {step.value:.2f}", style="bold cyan")
    notes = ". ".join(one for one in (step.comment, step.other_names and f"Also: {step.other_names}") if one)
    if notes:
        console.print(f"    {notes}", style="dim", soft_wrap=True)


def _vanishing(cells: list[CellType], problem: str, lags: list[int], steps: int, out: Path) -> None:
    """Trains every cell on the problem at every lag; prints a table and draws a figure of the results."""
    if problem not in TOY_PROBLEMS:
        raise GatewiseError(
            f"there is no toy problem {problem!r}; the toy problems are {', '.join(TOY_PROBLEMS)}"
        )
    console.print((TOY_PROBLEMS[problem].__doc__ or "").split("\n")[0])
    outcomes: list[Outcome] = []
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=float(len(cells) * len(lags)))
        for cell, lag in product(cells, lags):
            progress.update(bar, description=f"{cell.__name__} over {lag} steps")
            outcomes.append(
                learn(cell, problem, lag, steps, show=partial(_advance, progress, bar, len(outcomes)))
            )
    console.print(_table(outcomes, lags))
    save_picture(draw_vanishing(outcomes, problem), out)
    console.print(f"accuracy, with the number of batches in brackets; wrote {out}")


def _advance(progress: Progress, bar: TaskID, finished: int, fraction: float) -> None:
    progress.update(bar, completed=finished + fraction)


def _table(outcomes: list[Outcome], lags: list[int]) -> Table:
    table = Table("steps", *(str(lag) for lag in lags), box=None, header_style="bold", padding=(0, 2, 0, 0))
    for cell in dict.fromkeys(one.cell for one in outcomes):
        own = [f"{one.accuracy:.0%} ({one.steps})" for one in outcomes if one.cell is cell]
        table.add_row(cell.__name__, *own)
    return table


def _numbers(text: str) -> list[int]:
    try:
        found = sorted({int(one) for one in text.split(",")})
    except ValueError as error:
        raise GatewiseError(f"expected --lags as whole numbers with commas, got {text!r}") from error
    if found[0] < 2:
        raise GatewiseError(f"expected --lags of at least 2 steps, got {found[0]}")
    return found
