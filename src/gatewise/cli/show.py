"""A comparison in the terminal: its leaderboard, tables and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gatewise.tasks.base import AnyComparison
from gatewise.terminal import console, duration


def leaderboard(comparison: AnyComparison) -> Table:
    """The results as a table of at most 80 columns, the best first; baselines are marked and dimmed."""
    metrics = comparison.metrics
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=0)
    for name in ("model", *(metric.title for metric in metrics), "parameters", "time"):
        heading = name.replace(" ", "\n", 1) if len(name) > 10 else name
        table.add_column(
            heading, vertical="bottom", justify="left" if name == "model" else "right", no_wrap=True
        )
    repeated = any(result.trainings > 1 for result in comparison.results)
    for result in comparison.results:
        first, *others = (metric.format(result.scores[metric.name]) for metric in metrics)
        std = f"±{metrics[0].format(result.std)}"
        std = std if result.trainings > 1 else " " * len(std)
        table.add_row(
            result.name + " *" * result.baseline,
            f"{first} {std}" if repeated else first,
            *others,
            f"{result.parameters:,}",
            duration(result.seconds),
            style="dim" if result.baseline else None,
        )
    table.caption = comparison.task.caption(comparison.data)
    table.caption_justify = "left"
    return table


def plain_table() -> Table:
    """A table with only a line below its header."""
    return Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))


def show_files(folder: Path, files: Mapping[str, str]) -> None:
    """Prints what was written to a folder. files: the description of each file, by its name"""
    console.print(f"\nwritten to {folder}/")
    for name, about in files.items():
        console.print(f"  {name:<18} {about}")


def show_comparison(comparison: AnyComparison) -> None:
    """Prints the leaderboard, the tables about the chosen network, and the verdict."""
    console.print(leaderboard(comparison))
    _show_details(comparison)
    console.print(comparison.verdict)


def _show_details(comparison: AnyComparison) -> None:
    chosen = comparison.chosen(baseline=False)
    assert chosen is not None
    for one in comparison.details:
        table = plain_table()
        table.title, table.title_justify = f"{chosen.name}: {one.title}", "left"
        for index, name in enumerate(one.header):
            numbers = all(row[index][:1].isdigit() or not row[index] for row in one.rows)
            table.add_column(name, justify="right" if numbers and index else "left")
        for row in one.rows:
            table.add_row(*row)
        console.print(table)
