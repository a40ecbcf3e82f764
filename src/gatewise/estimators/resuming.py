"""Continues an interrupted run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewise.estimators.base import Estimator
from gatewise.estimators.loading import load
from gatewise.estimators.running import find_job, finish, resumed_run
from gatewise.tasks import find_task
from gatewise.tasks.base import AnyComparison, AnyTask, TaskData
from gatewise.training import runs
from gatewise.training.lightning import Lightning


def resume(
    folder: Path | str,
    *,
    verb: str | None = None,
    task: str | None = None,
    progress: bool = True,
    trainer: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] = (),
    logger: Any = None,
) -> Estimator | AnyComparison:
    """Continues the run in a folder to the result that it would have had without the interruption.

    folder: the `out` of `Estimator.fit` or `gatewise.compare`, or the run of a command line
    verb, task: what the run is expected to be, such as "train" and "forecast"; None for any
    progress: whether notes, progress and scores are printed
    trainer, callbacks, logger: of Lightning, as in an estimator

    Returns: a fitted estimator for the run of one network, a `Comparison` for that of several.

    Raises: `GatewiseError` if the folder has no run, is in use, or the data changed since.

    >>> import gatewise
    >>> model = gatewise.resume("run")  # doctest: +SKIP
    """
    folder = Path(folder)
    described = runs.read_description(folder)
    verb, run_task = verb or described.verb, find_task(task or described.task)
    job = find_job(verb, Lightning(trainer or {}, callbacks, logger))
    with resumed_run(verb, run_task, folder) as run:
        comparison = finish(run, job, progress, begins=False)
    return comparison if verb == "compare" else load(folder).with_run(run, comparison)


def resume_training(
    task: AnyTask, folder: Path, data: TaskData, lightning: Lightning, progress: bool
) -> Estimator:
    """Continues the training of one network in a folder, with data that were read before."""
    with resumed_run("train", task, folder) as run:
        comparison = finish(run, find_job("train", lightning), progress, begins=False, read=data)
    return load(folder).with_run(run, comparison)
