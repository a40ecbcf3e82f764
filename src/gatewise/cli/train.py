"""`gatewise train`: one network."""

from __future__ import annotations

import typer

from gatewise.cli.training_verbs import Verb, add_verb
from gatewise.training.commands import train

TRAIN = Verb("train", train)


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    add_verb(app, about, TRAIN)
