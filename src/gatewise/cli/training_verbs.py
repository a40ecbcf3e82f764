"""The verbs that train: start or resume a run, show its progress and its result, list its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.cli.parameters import with_options
from gatewise.cli.show import show_comparison, show_files
from gatewise.errors import GatewiseError
from gatewise.estimators import new_estimator
from gatewise.estimators.compare import compare
from gatewise.estimators.loading import load
from gatewise.estimators.resuming import resume
from gatewise.estimators.running import find_run
from gatewise.tasks import TASKS, choose_task, variants
from gatewise.tasks.base import AnyComparison, AnyTask
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.config import merge
from gatewise.tasks.options import verb_options
from gatewise.terminal import console

OUT = Annotated[
    Path | None, typer.Option(help="The folder of the run, empty or new; by default a new one under runs/.")
]
CONFIG = Annotated[
    Path | None,
    typer.Option(
        help="A YAML file of options; options given here take precedence. No Python file that it names is "
        "executed: give a cell of a Python file as --cell FILE.py:Name."
    ),
]
RESUME = Annotated[Path | None, typer.Option(help="Continue the run in this folder with its own options.")]


@dataclass(frozen=True)
class Command:
    """The arguments of a verb that trains; `options` are those of the task."""

    data: Path | None = None
    out: Path | None = None
    config: Path | None = None
    resume: Path | None = None
    start: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)


def add_verb(app: typer.Typer, about: str, verb: str) -> None:
    """Adds `gatewise VERB TASK` to the command line, for each task."""
    add_tasks(app, about, verb, partial(_command, verb))


def add_tasks(app: typer.Typer, about: str, verb: str, make: Callable[[str], Callable[..., None]]) -> None:
    """Adds a verb with a command for each task. make: returns the command of a task"""
    group = typer.Typer(help=about, no_args_is_help=True)
    passing = {"allow_extra_args": True, "ignore_unknown_options": True}
    for name, about_task in TASKS.items():
        group.command(name, help=about_task, add_help_option=False, context_settings=passing)(
            _loading(name, make)
        )
    app.add_typer(group, name=verb)


def _loading(name: str, make: Callable[[str], Callable[..., None]]) -> Callable[[typer.Context], None]:
    """Creates the command of a task when it is called, so that no other task is loaded."""

    def load(context: typer.Context) -> None:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(help=TASKS[name])(make(name))
        command = typer.main.get_command(app)
        with command.make_context(name, context.args, parent=context.parent) as own_context:
            command.invoke(own_context)

    return load


def _command(verb: str, name: str) -> Callable[..., None]:
    tasks = variants(name)
    given_data = "; ".join(task.data_help for task in tasks)

    def run_command(
        given: dict[str, Any],
        data: Path | None,
        out: OUT = None,
        config: CONFIG = None,
        resume: RESUME = None,
        start: Path | None = None,
    ) -> None:
        found = find_run(resume or start or out)
        task = choose_task(name, data, merge(config, given), None if found is None else found.task)
        comparison = execute_command(verb, task, Command(data, out, config, resume, start, given))
        show_next(task, comparison, data)

    about_data = f"{given_data[0].upper()}{given_data[1:]}."
    run_command.__annotations__["data"] = Annotated[Path | None, typer.Argument(help=about_data)]
    run_command.__annotations__["start"] = Annotated[Path | None, _start_option(verb)]
    run_command.__defaults__ = (None, *(run_command.__defaults__ or ()))
    return with_options(*(verb_options(verb, task.options) for task in tasks))(run_command)


def _start_option(verb: str) -> Any:
    """The option `--from`: the help of `train` lists it, and other verbs refuse it with a reason."""
    return typer.Option(
        "--from",
        help="Train the model of this run further, with its options, at a tenth of its learning rate.",
        show_default=False,
        hidden=verb != "train",
    )


def execute_command(verb: str, task: AnyTask, command: Command) -> AnyComparison:
    """Starts or resumes a run, trains with a progress bar, and prints the result and the files."""
    comparison = _resumed(verb, task, command) if command.resume else _new(verb, task, command)
    show_comparison(comparison)
    _list_files(comparison)
    return comparison


def show_next(task: AnyTask, comparison: AnyComparison, data: Path | None) -> None:
    """Prints a command that uses the model of a run. data: as the user gave them; None if they did not"""
    run = find_run(comparison.folder)
    assert run is not None
    again = data if data is not None and data.exists() else run.data  # not standard input
    console.print(f"\nnext: {task.command_after(comparison.data).format(run=comparison.folder, data=again)}")


def _resumed(verb: str, task: AnyTask, command: Command) -> AnyComparison:
    """The result of a resumed run. Raises: `GatewiseError` if the arguments contradict."""
    if command != Command(resume=command.resume) or command.resume is None:
        raise GatewiseError("--resume continues a run with its own options; leave out all others")
    found = resume(command.resume, verb=verb, task=task.name)
    return found if isinstance(found, Comparison) else found.comparison_


def _new(verb: str, task: AnyTask, command: Command) -> AnyComparison:
    """The result of a new run. Raises: `GatewiseError` if there are no data."""
    if command.data is None:
        raise GatewiseError(f"there are no data to {verb} on: give {task.data_help}, or --resume RUN")
    out = command.out or True
    if command.start is not None:
        if verb != "train":
            raise GatewiseError(f"--from trains one model further: give it to gatewise train, not {verb}")
        return _further(task, command, command.start, out)
    if verb == "compare":
        return compare(task.name, command.data, config=command.config, out=out, **command.options)
    model = new_estimator(task.name, config=command.config, out=out)
    comparison: AnyComparison = model.fit(command.data, **command.options).comparison_
    return comparison


def _further(task: AnyTask, command: Command, start: Path, out: Path | bool) -> AnyComparison:
    """The result of training the model of a run further. Raises: `GatewiseError` if it is of another task."""
    if command.config is not None:
        raise GatewiseError("--from takes the options of the run; leave out --config")
    model = load(start)
    if model.model_.task != task.name:
        own = model.model_.task
        raise GatewiseError(f"{str(start)!r} has a model of the task {own!r}: give gatewise train {own}")
    model.set_params(warm_start=True, out=out)
    comparison: AnyComparison = model.fit(command.data, **command.options).comparison_
    return comparison


def _list_files(comparison: AnyComparison) -> None:
    chosen = comparison.chosen(baseline=False)
    assert chosen is not None
    metric = comparison.metrics[0]
    if sum(not one.baseline for one in comparison.results) > 1:
        console.print(
            f"The saved model is {chosen.name} ({metric.title} {metric.format(chosen.scores[metric.name])}), "
            "which has the best score on the validation set; the test set does not influence the choice."
        )
    refitted = {}
    if comparison.model is not None and comparison.model.refitted is not None:
        refitted = {"refit.safetensors": "those of the network trained on all data, with refit.json"}
    files = {
        "leaderboard.csv": "the table above",
        **comparison.files,
        "model.safetensors": f"the parameters of {chosen.name}, with model.json",
        **refitted,
        "config.yaml": "all options, to run it again with --config",
    }
    assert comparison.folder is not None
    show_files(comparison.folder, files)
