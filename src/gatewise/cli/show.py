"""How a contest is shown while it runs, and what came out of it."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gatewise.tasks.comparison import Contest
from gatewise.training.progress import _duration, console


def leaderboard(contest: Contest[Any]) -> Table:
    """The entries as a table of 80 columns, the best first; baselines are marked and dimmed."""
    metrics = contest.task.metrics
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("model", *(metric.title for metric in metrics), "weights", "time"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    repeated = any(entry.trainings > 1 for entry in contest.entries)
    for entry in contest.entries:
        first, *others = (metric.said(entry.scores[metric.name]) for metric in metrics)
        spread = f"±{metrics[0].said(entry.spread)}"
        around = spread if entry.trainings > 1 else " " * len(spread)
        table.add_row(
            entry.name + " *" * entry.baseline,
            f"{first} {around}" if repeated else first,
            *others,
            f"{entry.parameters:,}",
            _duration(entry.seconds),
            style="dim" if entry.baseline else None,
        )
    table.caption = contest.task.caption(contest.data)
    table.caption_justify = "left"
    return table


def plain_table() -> Table:
    """A table without borders but below its head."""
    return Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))


def show_details(contest: Contest[Any]) -> None:
    """More about the network that is kept for use, a table each."""
    chosen = contest.chosen(baseline=False)
    assert chosen is not None
    for one in contest.task.details(chosen.network, contest.data):
        table = plain_table()
        table.title, table.title_justify = f"{chosen.name}: {one.title}", "left"
        for place, name in enumerate(one.header):
            numbers = all(row[place][:1].isdigit() or not row[place] for row in one.rows)
            table.add_column(name, justify="right" if numbers and place else "left")
        for row in one.rows:
            table.add_row(*row)
        console.print(table)
