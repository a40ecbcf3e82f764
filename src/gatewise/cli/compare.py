"""`gatewise compare`: several cells and all baselines on the same data."""

from __future__ import annotations

import typer

from gatewise.cli.training_verbs import add_verb


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    add_verb(app, about, "compare")
