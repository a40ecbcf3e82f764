"""`gatewise train`: one network."""

from __future__ import annotations

import typer

from gatewise.cli.forecasting import Verb, add_verb
from gatewise.training.forecasting import train
from gatewise.training.options import TrainOptions

TRAIN = Verb("train", TrainOptions, train)


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    add_verb(app, about, TRAIN, "Train a network that foretells series.")
