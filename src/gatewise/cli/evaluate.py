"""`gatewise evaluate`: the scores of a trained model on other data."""

from __future__ import annotations

import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import show_comparison
from gatewise.estimators.loading import load


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("evaluate", help=about)(evaluate)


def evaluate(run: RUN, data: DATA) -> None:
    """Score a trained model on the test set of its data, or on other data."""
    show_comparison(load(run).evaluate(data))
