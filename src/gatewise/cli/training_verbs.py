"""What the verbs that train do alike: start or go on, show, draw, tell what is where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from gatewise.cli.outputs import require_output
from gatewise.cli.parameters import with_options
from gatewise.cli.show import leaderboard, show_details
from gatewise.errors import GatewiseError
from gatewise.plots.gradient import draw_gradients
from gatewise.plots.plot import Plot
from gatewise.processes import announce, announced, is_first
from gatewise.tasks import TASKS, choose_task, variants
from gatewise.tasks.base import Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import resolve, verb_options
from gatewise.training import runs
from gatewise.training.commands import execute
from gatewise.training.lock import locked
from gatewise.training.progress import Bar, console
from gatewise.training.runner import ProgressCallback

OUT = Annotated[
    Path | None, typer.Option(help="The run's folder, empty or new; one under runs/ if not given.")
]
CONFIG = Annotated[
    Path | None,
    typer.Option(
        help="A YAML file of options; those given here overrule it. It executes nothing: a cell of a Python "
        "file must be given as --cell FILE.py:Name."
    ),
]
RESUME = Annotated[Path | None, typer.Option(help="Go on with the run of this folder, as it was started.")]


@dataclass(frozen=True)
class Verb:
    """A verb that trains: its name, and the job that it does with a run."""

    name: str
    job: Callable[[runs.Run, Any, ProgressCallback], Comparison[Any]]


@dataclass(frozen=True)
class Asked:
    """What a command line says; `given` are its options."""

    data: Path | None = None
    out: Path | None = None
    config: Path | None = None
    resume: Path | None = None
    given: dict[str, Any] = field(default_factory=dict)


def add_verb(app: typer.Typer, about: str, verb: Verb) -> None:
    """Adds `gatewise VERB TASK` to the command, for each task."""
    group = typer.Typer(help=about, no_args_is_help=True)
    passing = {"allow_extra_args": True, "ignore_unknown_options": True}
    for name, about_task in TASKS.items():
        group.command(name, help=about_task, add_help_option=False, context_settings=passing)(
            _loading(verb, name)
        )
    app.add_typer(group, name=verb.name)


def _loading(verb: Verb, name: str) -> Callable[[typer.Context], None]:
    """Makes the command of a task when it is called: the others need not be loaded."""

    def load(context: typer.Context) -> None:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(help=TASKS[name])(_command(verb, name))
        command = typer.main.get_command(app)
        with command.make_context(name, context.args, parent=context.parent) as inner:
            command.invoke(inner)

    return load


def _command(verb: Verb, name: str) -> Callable[..., None]:
    tasks = variants(name)
    given_data = "; ".join(task.given for task in tasks)

    def carry(
        given: dict[str, Any],
        data: Path | None,
        out: OUT = None,
        config: CONFIG = None,
        resume: RESUME = None,
    ) -> None:
        task = choose_task(name, data, given, _task_of(resume or out))
        run = carry_out(verb, task, Asked(data, out, config, resume, given))
        console.print(f"\nnext: {task.next_step.format(run=run.folder, data=run.data)}")

    about_data = f"{given_data[0].upper()}{given_data[1:]}."
    carry.__annotations__["data"] = Annotated[Path | None, typer.Argument(help=about_data)]
    carry.__defaults__ = (None, *(carry.__defaults__ or ()))
    return with_options(*(verb_options(verb.name, task.options) for task in tasks))(carry)


def _task_of(folder: Path | None) -> str | None:
    """The task of the run in a folder, where there is one."""
    if folder is None or not (folder / "run.json").is_file():
        return None
    return runs.read_description(folder).task


def carry_out(verb: Verb, task: Task[Any], asked: Asked) -> runs.Run:
    """Starts or resumes a run and does the job with a bar; shows and writes what came out."""
    with _run(verb, task, asked) as run:
        try:
            with Bar() as bar:
                comparison = execute(run, bar, verb.job, begins=is_first() and asked.resume is None)
            pictures = _save_plots([*task.draw(comparison), *_draw_gradients(run)], run.folder)
        except (KeyboardInterrupt, OSError) as error:
            cut = "interrupted" if isinstance(error, KeyboardInterrupt) else "not finished"
            console.print(f"{cut}; go on with: gatewise {verb.name} {task.name} --resume {run.folder}")
            raise
    console.print(leaderboard(comparison))
    show_details(comparison)
    console.print(comparison.verdict)
    _tell_files(run, comparison, pictures)
    return run


def _save_plots(plots: list[Plot], folder: Path) -> dict[str, str]:
    return {plot.save(folder).name: plot.about for plot in plots}


def _draw_gradients(run: runs.Run) -> list[Plot]:
    tables = {name: pl.read_csv(path) for name, path in runs.gradients(run).items()}
    if not tables:
        return []
    about = "what was left of the gradient at each step back, before training and after"
    return [Plot("gradient", about, draw_gradients(tables))]


@contextmanager
def _run(verb: Verb, task: Task[Any], asked: Asked) -> Iterator[runs.Run]:
    """The run that the command line means, locked; processes beside the first one join its run."""
    if not is_first():
        yield runs.resume(verb.name, task, announced(asked.resume or asked.out))
    elif asked.resume is not None:
        if asked != Asked(resume=asked.resume):
            raise GatewiseError("--resume goes on as the run was started; leave all else out")
        runs.read_description(asked.resume)
        with locked(asked.resume):
            announce(asked.resume)
            yield runs.resume(verb.name, task, asked.resume)
    elif asked.data is not None:
        options = resolve(verb_options(verb.name, task.options), asked.config, asked.given)
        config = None if {"cell", "cells"} & asked.given.keys() else asked.config
        require_output(asked.out or Path("runs", "new"), "a folder", data=asked.data, config=asked.config)
        folder = runs.new_folder(verb.name, asked.data) if asked.out is None else locked(asked.out)
        with folder as out:
            announce(out)
            yield runs.begin(verb.name, task, asked.data, options, out, config)
    else:
        raise GatewiseError(f"there is nothing to {verb.name} on: give {task.given}, or --resume RUN")


def _tell_files(run: runs.Run, comparison: Comparison[Any], pictures: dict[str, str]) -> None:
    chosen = comparison.chosen(baseline=False)
    assert chosen is not None
    metric = comparison.metrics[0]
    if len(run.cells) > 1:
        console.print(
            f"The model kept for use is {chosen.name} ({metric.title} "
            f"{metric.said(chosen.scores[metric.name])}): "
            "it did best on the validation part, which alone may choose."
        )
    files = {
        "leaderboard.csv": "the table above",
        **pictures,
        "model.safetensors": f"{chosen.name}, for use, with model.json",
        "config.yaml": "every option, to run it again with --config",
    }
    console.print(f"\nwritten to {run.folder}/")
    for name, about in files.items():
        console.print(f"  {name:<18} {about}")
