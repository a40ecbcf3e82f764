"""`gatewise evaluate`: a trained model's scores on other data."""

from __future__ import annotations

import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import leaderboard, show_details
from gatewise.tasks import find_task
from gatewise.tasks.serialization import load_model
from gatewise.training.commands import evaluate
from gatewise.training.progress import Bar, console


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("evaluate", help=about)(scores)


def scores(run: RUN, data: DATA) -> None:
    """Score a trained model on the test part of its data, or on other data."""
    model = load_model(run)
    task = find_task(model.task)
    told = task.load_for_evaluation(model, data)
    for note in told.notes:
        console.print(note)
    with Bar() as bar:
        comparison = evaluate(task, model, told, bar)
    console.print(leaderboard(comparison))
    show_details(comparison)
    console.print(comparison.verdict)
