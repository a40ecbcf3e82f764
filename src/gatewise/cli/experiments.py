"""The experiments of `gatewise explain`: training with a progress bar, a table and a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, product
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError
from gatewise.insight.memory import CHANCE, LONGEST_TRAINED_LAG, Recall, remember
from gatewise.insight.problems.toy import TOY_PROBLEMS, recall
from gatewise.insight.vanishing import Outcome, learn
from gatewise.plots.memory import draw_memory
from gatewise.plots.saving import save_picture
from gatewise.plots.vanishing import draw_vanishing
from gatewise.terminal import Terminal

console = Terminal()


def vanishing(cells: list[CellType], problem: str, lags: list[int], steps: int, out: Path) -> None:
    """Trains every cell on the problem at every lag; prints a table and draws a figure of the results."""
    if problem not in TOY_PROBLEMS:
        raise GatewiseError(
            f"there is no toy problem {problem!r}; the toy problems are {', '.join(TOY_PROBLEMS)}"
        )
    console.print((TOY_PROBLEMS[problem].__doc__ or "").split("\n")[0])
    outcomes: list[Outcome] = []
    with _progress(len(cells) * len(lags)) as start:
        for cell, lag in product(cells, lags):
            show = start(f"{cell.__name__} over {lag} steps")
            outcomes.append(learn(cell, problem, lag, steps, show=show))
    table = _table("steps", lags)
    for cell in cells:
        own = [f"{one.accuracy:.0%} ({one.steps})" for one in outcomes if one.cell is cell]
        table.add_row(cell.__name__, *own)
    console.print(table)
    save_picture(draw_vanishing(outcomes, problem), out)
    console.print(f"accuracy, with the number of batches in brackets; wrote {out}")


def memory(
    cells: list[CellType], items: list[int], lags: list[int], steps: int, units: int, out: Path
) -> None:
    """Trains every cell to recall every number of items; prints a table and draws a figure of the results."""
    console.print((recall.__doc__ or "").split("\n")[0])
    results: list[Recall] = []
    with _progress(len(cells) * len(items)) as start:
        for cell, number in product(cells, items):
            show = start(f"{cell.__name__}, {number} item{'s' * (number > 1)}")
            results += remember(cell, number, lags, steps, units, show=show)
    table = _table("items", lags, "lag {}")
    for cell, number in product(cells, items):
        own = [one for one in results if one.cell is cell and one.items == number]
        table.add_row(f"{cell.__name__} {number}", *(f"{one.accuracy:.0%}" for one in own))
    console.print(table)
    save_picture(draw_memory(results, units), out)
    console.print(
        f"items recalled by {units} units after training with lags of 1 to {LONGEST_TRAINED_LAG} steps; "
        f"{CHANCE:.1%} by chance; wrote {out}",
        soft_wrap=True,
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], Callable[[float], None]]]:
    """A bar; what it yields starts the next of `total` trainings, and returns its `show`."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar, numbers = progress.add_task("", total=float(total)), count()

        def start(title: str) -> Callable[[float], None]:
            finished = next(numbers)
            progress.update(bar, description=title)
            return lambda fraction: progress.update(bar, completed=finished + fraction)

        yield start


def _table(first: str, lags: list[int], title: str = "{}") -> Table:
    return Table(
        first, *(title.format(lag) for lag in lags), box=None, header_style="bold", padding=(0, 2, 0, 0)
    )
