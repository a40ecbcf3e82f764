"""A comparison of several cells and of all baselines on the same data, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gatewise.data.memory.arrays import Layout
from gatewise.estimators.base import speaking_of
from gatewise.estimators.running import new_run, save_plots, with_own_data
from gatewise.tasks import estimator_names, find_task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import resolve, verb_options
from gatewise.training import commands
from gatewise.training.progress import progress


def compare(
    task: str,
    data: Any,
    y: Any = None,
    *,
    cells: Sequence[str] = (),
    seeds: int = 3,
    layout: Layout = "NTC",
    out: Path | str | None = None,
    shown: bool = True,
    **options: Any,
) -> Comparison[Any]:
    """Trains several cells and all baselines of a task on the same data, and ranks them on a test set.

    task: as on the command line: "forecast", "classify", "label", ...
    data, y, layout: as an estimator's `fit` takes them
    cells: their names; the task's usual ones if none are given; seeds: trainings of each
    out: a folder for the run, which `gatewise.resume` continues; None to leave no files
    shown: whether notes, progress and scores are printed; options: all others of the task

    Returns: the results, the best first: `.table`, `.best`, `.plot()`, `.verdict`.

    >>> import gatewise
    >>> gatewise.compare("forecast", "sales.csv", horizon=12, cells=["lstm", "gru"])  # doctest: +SKIP
    """
    chosen = _task_for(task, data)
    with TemporaryDirectory(prefix="gatewise-") as home:
        written = Path(home, "data")
        written.mkdir()
        path, found = chosen.write(data, y, written, layout)
        with speaking_of(path, data):
            given = {**found, **options, "cells": tuple(cells), "seeds": seeds}
            resolved = resolve(verb_options("compare", chosen.options), None, given)
            folder = Path(out) if out is not None else Path(home, "run")
            with new_run("compare", chosen, path, resolved, folder) as run, progress(shown) as callback:
                if out is None:
                    return commands.execute(run, callback, commands.compare)
                with with_own_data(run, written) as own, speaking_of(own.data, data):
                    comparison = commands.execute(own, callback, commands.compare)
                    save_plots(own, comparison)
                    return comparison


def _task_for(name: str, data: Any) -> Any:
    """The task of that name, or one of the same estimator that reads this data."""
    named = find_task(name)
    family = next(tasks for tasks in estimator_names().values() if name in tasks)
    others = (find_task(one) for one in family)
    return named if named.accepts(data) else next((one for one in others if one.accepts(data)), named)
