"""`gatewise tune`: a search for better options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.cli.parameters import with_options
from gatewise.cli.show import plain_table, show_comparison, show_files
from gatewise.cli.training_verbs import CONFIG, add_tasks, show_next
from gatewise.estimators.tune import Tuned, tune
from gatewise.plots.plot import Plot
from gatewise.tasks import choose_task, variants
from gatewise.tasks.config import merge
from gatewise.tasks.options import verb_options
from gatewise.terminal import console

SHOWN = 10  # trials in the printed table
TRIALS = Annotated[
    int, typer.Option(min=1, max=10**5, help="Number of trainings, including those in the folder.")
]
MINUTES = Annotated[
    float | None,
    typer.Option(min=0, help="Minutes after which no further training begins.", show_default=False),
]
OUT = Annotated[
    Path | None,
    typer.Option(
        help="The folder of the search; a search in it continues, and several machines may share it. By "
        "default a new one under runs/.",
        show_default=False,
    ),
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb, for each task."""
    add_tasks(app, about, "tune", _command)


def _command(name: str) -> Callable[..., None]:
    tasks = variants(name)
    about_data = "; ".join(task.data_help for task in tasks)

    def run_command(
        given: dict[str, Any],
        data: Path,
        trials: TRIALS = 50,
        minutes: MINUTES = None,
        out: OUT = None,
        config: CONFIG = None,
    ) -> None:
        task = choose_task(name, data, merge(config, given), None)
        try:
            found = tune(task.name, data, trials=trials, minutes=minutes, config=config, out=out, **given)
        except KeyboardInterrupt:
            if out is not None:
                console.print(f"interrupted; the same command with --out {out} continues")
            raise
        _show(found)
        show_next(task, found.model.comparison_, data)

    run_command.__annotations__["data"] = Annotated[
        Path, typer.Argument(help=f"{about_data[0].upper()}{about_data[1:]}.")
    ]
    return with_options(*(verb_options("train", task.options) for task in tasks))(run_command)


def _show(found: Tuned) -> None:
    """Prints the best trials and the scores of the best one, and lists the files."""
    table = plain_table()
    for name in found.table.columns:
        title = found.metric.title if name == found.metric.name else name.replace("_", " ")
        table.add_column(title, justify="right")
    for row in found.table.head(SHOWN).iter_rows():
        table.add_row(*map(_cell, row))
    console.print(table)
    console.print(found.verdict)
    show_comparison(found.model.comparison_)
    plot = Plot("search", "the trials, and how much each option mattered", found.plot())
    files = {
        "trials.csv": "a row for each trial",
        plot.save(found.folder).name: plot.description,
        "trials/": f"the runs; that of the best: {found.model.comparison_.folder}",
    }
    show_files(found.folder, files)


def _cell(value: object) -> str:
    """A value in three digits; empty for None."""
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
