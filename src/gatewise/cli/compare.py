"""`gatewise compare`: several cells and all baselines on the same windows."""

from __future__ import annotations

import typer

from gatewise.cli.forecasting import Verb, add_verb
from gatewise.training.forecasting import compare
from gatewise.training.options import CompareOptions

COMPARE = Verb("compare", CompareOptions, compare)


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    add_verb(app, about, COMPARE, "Compare cells and baselines at foretelling series.")
