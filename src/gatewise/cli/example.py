"""`gatewise example`: made data to try a task on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.estimators.first_steps import write_example
from gatewise.tasks import TASKS
from gatewise.terminal import console

TASK = Annotated[str, typer.Argument(help=f"One of {', '.join(TASKS)}.", metavar="TASK")]
OUT = Annotated[Path | None, typer.Option(help="A new or empty folder; by default example-TASK.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("example", help=about)(example)


def example(task: TASK, out: OUT = None) -> None:
    """Write a small made example of the data that a task takes, and show the commands to run on it."""
    commands = write_example(task, out)
    console.print(f"made data are in {out or f'example-{task}'}; nothing else was written. Try:\n")
    for command in commands:
        console.print(f"  {command}", soft_wrap=True)
