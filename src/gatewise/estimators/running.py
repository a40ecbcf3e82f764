"""Runs: a training or a comparison with its files in a folder, for the command line and for Python."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.memory.arrays import Layout, as_array
from gatewise.errors import GatewiseError
from gatewise.estimators.outputs import require_output
from gatewise.plots.gradient import draw_gradients
from gatewise.plots.plot import Plot
from gatewise.processes import announce, announced, is_first
from gatewise.tasks.base import Task
from gatewise.tasks.classification import ClassTask
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import TaskOptions
from gatewise.training import runs
from gatewise.training.commands import compare, execute, train
from gatewise.training.lightning import NO_EXTRAS, Lightning
from gatewise.training.lock import locked
from gatewise.training.progress import progress
from gatewise.training.runner import ProgressCallback

Job = Callable[[runs.Run, Any, ProgressCallback], Comparison[Any]]
JOBS: dict[str, Callable[..., Comparison[Any]]] = {"train": train, "compare": compare}


@contextmanager
def new_run(
    verb: str, task: Task[Any], data: Path, options: TaskOptions, out: Path | None, config: Path | None = None
) -> Iterator[runs.Run]:
    """A new run in a locked folder; processes beside the first one join the run of the first.

    out: the folder, empty or new; None for a new one under `runs`
    config: the file that names the cells, None where the user names them

    Raises: `GatewiseError` if the folder is in use or holds something, or an option does not fit the task.
    """
    if not is_first():
        yield runs.resume(verb, task, announced(out))
        return
    require_output(out or Path("runs", "new"), "a folder", data=data, config=config)
    with runs.new_folder(verb, data) if out is None else locked(out) as folder:
        announce(folder)
        yield runs.begin(verb, task, data, options, folder, config)


@contextmanager
def resumed_run(verb: str, task: Task[Any], folder: Path) -> Iterator[runs.Run]:
    """The run in a folder, locked.

    Raises: `GatewiseError` if the folder holds no such run, is in use, or the data changed since.
    """
    if not is_first():
        yield runs.resume(verb, task, announced(folder))
        return
    runs.read_description(folder)
    with locked(folder):
        announce(folder)
        yield runs.resume(verb, task, folder)


@dataclass(frozen=True)
class Source:
    """The data of a new run: as the user gave them, and as the file that the task reads.

    folder: the temporary folder of data in memory; columns: the options that name the columns of these
    classes: the distinct labels of data in memory, in the user's types
    """

    data: Any
    path: Path
    folder: Path
    columns: Mapping[str, Any]
    classes: tuple[Any, ...] = ()


def write_source(task: Task[Any], data: Any, y: Any, home: Path, layout: Layout) -> Source:
    """Data of any form as a file that the task reads. home: a temporary folder of the run's own"""
    folder = home / "data"
    folder.mkdir()
    path, columns = task.write(data, y, folder, layout)
    labelled = y is not None and isinstance(task, ClassTask)
    return Source(data, path, folder, columns, tuple(np.unique(as_array(y)).tolist()) if labelled else ())


def execute_new(
    run: runs.Run, source: Source, job: Job, shown: bool, keep: bool
) -> tuple[Comparison[Any], runs.Run]:
    """Executes a new run of a source.

    shown: whether notes, progress and scores are printed
    keep: whether the run's folder stays; then it gets the figures, and a copy of data in memory

    Returns: the result, and the run with the data that it read.
    """
    run = replace(run, classes=source.classes)
    if not keep:
        with progress(shown) as callback:
            return execute(run, callback, job, begins=is_first()), run
    with (
        _with_own_data(run, source.folder) as own,
        naming(own.data, source.data),
        progress(shown) as callback,
    ):
        comparison = execute(own, callback, job, begins=is_first())
        save_plots(own, comparison)
        return comparison, own


@contextmanager
def naming(path: Path, data: Any) -> Iterator[None]:
    """Within it, errors name the data that the user gave, not the file that they were written to."""
    if isinstance(data, str | Path) and Path(data) == path:
        yield
        return
    try:
        yield
    except GatewiseError as error:
        name = f"the {type(data).__name__}"
        raise GatewiseError(str(error).replace(str(path), name)) from error


@contextmanager
def _with_own_data(run: runs.Run, written: Path) -> Iterator[runs.Run]:
    """A run whose data are in its own folder, if they were in memory; they are removed if nothing is trained.

    written: the temporary folder of data that were in memory
    """
    if not run.data.is_relative_to(written):
        yield run
        return
    own = run.folder / runs.OWN_DATA
    shutil.rmtree(own, ignore_errors=True)  # of a start that was killed
    shutil.copytree(written, own)
    try:
        yield replace(run, data=own / run.data.relative_to(written))
    finally:
        if not (run.folder / "run.json").is_file():
            shutil.rmtree(own)


def save_plots(run: runs.Run, comparison: Comparison[Any]) -> dict[str, str]:
    """Writes the figures of a run into its folder. Returns: the description of each file, by its name."""
    plots = [*run.task.draw(comparison), *_gradient_plots(run)]
    return {plot.save(run.folder).name: plot.about for plot in plots}


def _gradient_plots(run: runs.Run) -> list[Plot]:
    tables = {name: pl.read_csv(path) for name, path in runs.gradients(run).items()}
    if not tables:
        return []
    about = "norm of the gradient by lag, before training and after"
    return [Plot("gradient", about, draw_gradients(tables))]


def find_job(verb: str, lightning: Lightning = NO_EXTRAS) -> Job:
    """The function that does the work of a verb. Raises: `GatewiseError` if a run cannot be of that verb."""
    if verb not in JOBS:
        raise GatewiseError(f"expected a run of {' or '.join(JOBS)}, got one of {verb!r}")
    return partial(JOBS[verb], lightning=lightning)
