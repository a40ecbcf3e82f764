"""Completion of commands in a shell, for which typer's scripts call `gatewise` with a variable set."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module

import typer

from gatewise.tasks import TASKS

VARIABLE = "_GATEWISE_COMPLETE"
OF_TASKS = ("example", "init", "train", "compare", "tune")  # verbs before a task


def is_requested() -> bool:
    """Whether a shell asks for completions."""
    return VARIABLE in os.environ


def words() -> list[str]:
    """The words before the cursor, without the program, and the one that is being typed."""
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    count = os.environ.get("COMP_CWORD", "")
    found = line.split()[1:]
    return found[: int(count)] if count.isdigit() else found


def add_verbs(app: typer.Typer, verbs: Mapping[str, str]) -> None:
    """Adds all verbs. Only one whose options are asked for is loaded, since that takes seconds."""
    typed = words()
    for verb, about in verbs.items():
        if verb in OF_TASKS:
            group = typer.Typer(help=about)
            for name, about_task in TASKS.items():
                group.command(name, help=about_task)(_nothing())
            app.add_typer(group, name=verb)
        elif typed[:1] == [verb] and typed[-1].startswith("-"):
            import_module(f"gatewise.cli.{verb}").add(app, about)
        else:
            app.command(verb, help=about)(_nothing())


def print_completions(app: typer.Typer) -> None:
    """Prints what the shell asks for, and exits."""
    typer.main.get_command(app).main(args=[], prog_name="gatewise")


def _nothing() -> Callable[[], None]:
    return lambda: None
