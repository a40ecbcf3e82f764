"""Compares several cells and all baselines of a task on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gatewise.data.memory.arrays import Layout
from gatewise.estimators.running import execute_new, find_job, naming, new_run, write_source
from gatewise.estimators.stored import PREFIX
from gatewise.tasks import estimator_names, find_task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import resolve, verb_options
from gatewise.training.lightning import Lightning


def compare(
    task: str,
    data: Any,
    y: Any = None,
    *,
    cells: Sequence[str] = (),
    seeds: int = 3,
    sample_weight: Any = None,
    layout: Layout = "NTC",
    out: Path | str | None = None,
    shown: bool = True,
    trainer: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] = (),
    logger: Any = None,
    **options: Any,
) -> Comparison[Any]:
    """Trains several cells and all baselines of a task on the same data, and ranks them on a test set.

    task: its name: "forecast", "classify", "label", ...
    data, y, sample_weight, layout: as in an estimator's `fit`
    cells: their names; the default cells of the task if empty; seeds: trainings of each
    out: a folder for the run, which `gatewise.resume` continues; None to leave no files
    shown: whether notes, progress and scores are printed
    trainer, callbacks, logger: of Lightning, as in an estimator, for every training
    options: other options of the task

    Returns: the results, the best first: `.table`, `.best`, `.plot()`, `.verdict`.

    >>> import gatewise
    >>> gatewise.compare("forecast", "sales.csv", horizon=12, cells=["lstm", "gru"])  # doctest: +SKIP
    """
    chosen = _task_for(task, data)
    with TemporaryDirectory(prefix=PREFIX) as home:
        source = write_source(chosen, data, y, sample_weight, Path(home), layout)
        job = find_job("compare", Lightning(trainer or {}, callbacks, logger))
        with naming(source.path, data):
            given = {**source.columns, **options, "cells": tuple(cells), "seeds": seeds}
            resolved = resolve(verb_options("compare", chosen.options), None, given)
            folder = Path(out) if out is not None else Path(home, "run")
            with new_run("compare", chosen, source.path, resolved, folder) as run:
                return execute_new(run, source, job, shown, keep=out is not None).comparison


def _task_for(name: str, data: Any) -> Any:
    """The task of that name, or one of the same estimator that reads this data."""
    named = find_task(name)
    family = next(tasks for tasks in estimator_names().values() if name in tasks)
    others = (find_task(one) for one in family)
    return named if named.accepts(data) else next((one for one in others if one.accepts(data)), named)
