"""Compares several cells and all baselines of a task on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.texts import is_path
from gatewise.estimators.running import (
    errors_naming,
    execute_new,
    find_job,
    new_run,
    run_folder,
    write_source,
)
from gatewise.estimators.stored import PREFIX
from gatewise.tasks import choose_task, claiming_first, estimator_names, find_task
from gatewise.tasks.base import AnyComparison, AnyTask
from gatewise.tasks.config import merge, resolve
from gatewise.tasks.options import verb_options
from gatewise.training.lightning import Lightning


def compare(
    task: str,
    data: object,
    y: object = None,
    *,
    cells: Sequence[str] = (),
    seeds: int | None = None,
    sample_weight: object = None,
    groups: object = None,
    layout: Layout = "NTC",
    config: Path | str | None = None,
    out: Path | str | bool | None = None,
    progress: bool = True,
    trainer: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] = (),
    logger: Any = None,
    **options: Any,
) -> AnyComparison:
    """Trains several cells and all baselines of a task on the same data, and ranks them on a test set.

    task: its name: "forecast", "classify", "label", ...
    data, y, sample_weight, groups, layout: as in an estimator's `fit`
    cells: their names; the default cells of the task if empty
    seeds: the number of trainings of each, 3 by default
    config: a YAML file of options, such as the `config.yaml` of a run; options given here take precedence,
        and no Python file that it names is executed
    out: a folder for the run, which `gatewise.resume` continues; True for a new one under `runs`; None to
        leave no files
    progress: whether notes, progress and scores are printed
    trainer, callbacks, logger: of Lightning, as in an estimator, for every training
    options: other options of the task

    Returns: the results, the best first: `.table`, `.best`, `.plot()`, `.verdict`.

    >>> import gatewise
    >>> gatewise.compare("forecast", "sales.csv", horizon=12, cells=["lstm", "gru"])  # doctest: +SKIP
    """
    file = None if config is None else Path(config)
    given = merge(file, options)
    chosen = task_for(task, data, y, given)
    with TemporaryDirectory(prefix=PREFIX) as directory:
        annotations = {"weights": sample_weight, "groups": groups}
        source = write_source(chosen, data, y, annotations, Path(directory), layout)
        job = find_job("compare", Lightning(trainer or {}, callbacks, logger))
        kind = verb_options("compare", chosen.options)
        with errors_naming(source.path, data, kind):
            arguments = {**source.columns_with(given.get("time")), **options}
            arguments |= {"cells": cells if isinstance(cells, str) else tuple(cells)} if cells else {}
            arguments |= {} if seeds is None else {"seeds": seeds}
            resolved = resolve(kind, file, arguments)
            folder = run_folder(out, Path(directory))
            names_cells = None if cells else file
            with new_run("compare", chosen, source.path, resolved, folder, names_cells) as run:
                return execute_new(run, source, job, progress, keep=folder != Path(directory, "run"))[1]


def task_for(name: str, data: object, y: object, options: Mapping[str, Any]) -> AnyTask:
    """The task of that name, or one of the same estimator that reads this data with the labels `y`."""
    if isinstance(data, Path) or (isinstance(data, str) and is_path(data)):
        return choose_task(name, Path(data), options)
    task = find_task(name)
    family = next(tasks for tasks in estimator_names().values() if name in tasks)
    siblings = [task, *(find_task(member) for member in family)]
    ordered = claiming_first(siblings, None, options, y)
    return next((other for other in ordered if other.accepts(data)), task)
