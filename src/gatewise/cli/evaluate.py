"""`gatewise evaluate`: a trained model's scores on a file."""

from __future__ import annotations

import typer

from gatewise.cli.parameters import DATA, RUN
from gatewise.cli.show import Bar, console, leaderboard
from gatewise.training.forecasting import evaluate


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("evaluate", help=about)(scores)


def scores(run: RUN, data: DATA) -> None:
    """Score a trained model on the test part of a file."""
    with Bar() as bar:
        contest = evaluate(run, data, bar)
    for note in (*contest.data.source.notes, contest.data.describe_split()):
        console.print(note)
    console.print(leaderboard(contest))
    console.print(contest.verdict())
