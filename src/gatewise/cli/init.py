"""`gatewise init`: a file of all options of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.example import TASK
from gatewise.estimators.first_steps import required_options, write_options
from gatewise.terminal import console

OUT = Annotated[Path | None, typer.Option(help="A new file; by default TASK.yaml.")]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("init", help=about)(init)


def init(task: TASK, out: OUT = None) -> None:
    """Write all options of a task, described and commented out, as a YAML file for --config."""
    path = write_options(task, out)
    console.print(f"wrote {path}, and nothing else. Edit it, then:\n")
    required = "".join(f" {option} ..." for option in required_options(task))
    console.print(f"  gatewise train {task} DATA --config {path}{required}", soft_wrap=True)
