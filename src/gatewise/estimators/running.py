"""Runs: a training or a comparison with its files in a folder, for Python and the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.data.memory.arrays import Layout
from gatewise.data.standard_input import STANDARD_INPUT, copy_standard_input, is_standard_input
from gatewise.errors import GatewiseError
from gatewise.estimators.keywords import as_given
from gatewise.estimators.outputs import require_output
from gatewise.estimators.reporting import reported
from gatewise.plots.gradient import draw_gradients
from gatewise.plots.plot import Plot
from gatewise.processes import announce, announced, is_first
from gatewise.tasks.base import AnyComparison, AnyTask, TaskData
from gatewise.tasks.options import Options, TaskOptions
from gatewise.training import runs
from gatewise.training.commands import compare, execute, train
from gatewise.training.lightning import NO_EXTRAS, Lightning
from gatewise.training.lock import locked
from gatewise.training.runner import ProgressCallback

Job = Callable[[runs.Run, Any, ProgressCallback], AnyComparison]
JOBS: dict[str, Callable[..., AnyComparison]] = {"train": train, "compare": compare}


@contextmanager
def new_run(
    verb: str,
    task: AnyTask,
    data: Path,
    options: TaskOptions,
    out: Path | None,
    config: Path | None = None,
    start: runs.Start | None = None,
) -> Iterator[runs.Run]:
    """A new run in a locked folder; further processes join the run of the first.

    out: the folder, empty or new; None for a new one under `runs`
    config: the file that names the cells, None if the user names them
    start: a model that is trained further; None to train a new one

    Raises: `GatewiseError` if the folder is in use or not empty, or an option does not fit the task.
    """
    if not is_first():
        yield runs.resume(verb, task, announced(out))
        return
    require_output(out or Path("runs", "new"), "a folder", data=data, config=config)
    with runs.new_folder(verb, data) if out is None else locked(out) as folder:
        announce(folder)
        yield runs.begin(verb, task, data, options, folder, config, start)


@contextmanager
def resumed_run(verb: str, task: AnyTask, folder: Path) -> Iterator[runs.Run]:
    """The run in a folder, locked.

    Raises: `GatewiseError` if the folder has no such run, is in use, or the data changed since.
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

    data: object
    path: Path
    folder: Path
    columns: Mapping[str, Any]
    classes: tuple[Any, ...] = ()

    def columns_with(self, time: str | None) -> dict[str, Any]:
        """The options that name the columns. time: the channel of arrays that has the times, if one has"""
        channels = tuple(name for name in self.columns.get("channels", ()) if name != time)
        return {**self.columns, **({"channels": channels} if channels else {})}


def write_source(
    task: AnyTask, data: object, y: object, annotations: Mapping[str, Any], directory: Path, layout: Layout
) -> Source:
    """Data of any form as a file that the task reads.

    annotations: `weights` and `groups` of the examples, each possibly None
    directory: a temporary folder of the run's own
    """
    folder = directory / "data"
    folder.mkdir()
    annotations = {name: values for name, values in annotations.items() if values is not None}
    if annotations:
        path, columns = task.write_annotated(data, y, annotations, folder, layout)
    else:
        path, columns = write_data(task, data, y, folder, layout)
    return Source(data, path, folder, columns, () if y is None else task.distinct_labels(y))


def write_data(
    task: AnyTask, data: object, y: object, folder: Path, layout: Layout
) -> tuple[Path, dict[str, Any]]:
    """Data of any form as a file that the task reads, as by `Task.write`; `-` is standard input.

    Raises: `GatewiseError` if the task does not read standard input, or it has no data.
    """
    if not is_standard_input(data):
        return task.write(data, y, folder, layout)
    if task.stream_ending is None:
        raise GatewiseError(f"the task {task.name!r} does not read standard input; give {task.data_help}")
    if not is_first():  # the first process has read it, and stored it in the folder of the run
        return Path(str(data)), {}
    return copy_standard_input(folder, task.stream_ending), {}


def execute_new(
    run: runs.Run, source: Source, job: Job, shown: bool, keep: bool
) -> tuple[runs.Run, AnyComparison]:
    """Executes a new run of a source.

    shown: whether notes, progress and scores are printed
    keep: whether the run's folder stays; then it gets the figures, and a copy of data in memory

    Returns: the run, with the data that it read, and its result.
    """
    run = replace(run, classes=source.classes)
    if not keep:
        with reported(shown, type(run.options)) as callback:
            return run, execute(run, callback, job, begins=is_first())
    with (
        _with_own_data(run, source.folder) as copied,
        errors_naming(copied.data, source.data, type(run.options)),
    ):
        return copied, finish(copied, job, shown, begins=is_first())


def finish(run: runs.Run, job: Job, shown: bool, begins: bool, read: TaskData | None = None) -> AnyComparison:
    """Executes a run whose folder stays, and writes its figures.

    shown: whether notes, progress and scores are printed; begins: whether the run is new, not resumed
    read: the data if they were read before
    """
    with reported(shown, type(run.options)) as callback:
        try:
            comparison = execute(run, callback, job, begins, read)
            return replace(comparison, folder=run.folder, files=save_plots(run, comparison))
        except (KeyboardInterrupt, OSError) as error:
            reason = "interrupted" if isinstance(error, KeyboardInterrupt) else "not finished"
            resume = f"gatewise {run.verb} {run.task.name} --resume {run.folder}"
            callback.notes([f"{reason}; continue with: {resume}"])
            raise


@contextmanager
def errors_naming(path: Path, data: object, options: type[Options]) -> Iterator[None]:
    """Within it, errors name the data and the options as the user gave them.

    path: the file that the data were written to; options: those that messages name
    """
    try:
        yield
    except GatewiseError as error:
        message = str(error)
        if not (isinstance(data, str | Path) and Path(data) == path):
            name = STANDARD_INPUT if is_standard_input(data) else f"the {type(data).__name__}"
            message = message.replace(str(path), name)
        message = as_given(message, options)
        if message == str(error):
            raise
        raise GatewiseError(message) from error


@contextmanager
def _with_own_data(run: runs.Run, source_folder: Path) -> Iterator[runs.Run]:
    """Copies data in memory into the folder of the run; removes the copy if nothing was trained.

    source_folder: the temporary folder of the data
    """
    if not run.data.is_relative_to(source_folder):
        yield run
        return
    copy = run.folder / runs.OWN_DATA
    shutil.rmtree(copy, ignore_errors=True)  # left by a start that was killed
    shutil.copytree(source_folder, copy)
    try:
        yield replace(run, data=copy / run.data.relative_to(source_folder))
    finally:
        if not (run.folder / "run.json").is_file():
            shutil.rmtree(copy)


def find_run(folder: Path | None) -> runs.RunDescription | None:
    """The description of the run in a folder; None if there is no run."""
    if folder is None or not (folder / "run.json").is_file():
        return None
    return runs.read_description(folder)


def run_folder(out: Path | str | bool | None, directory: Path) -> Path | None:
    """The folder of a new run, as `new_run` takes it.

    out: a folder; True for a new one under `runs`; None for one in the temporary folder `directory`
    """
    if out is True:
        return None
    return directory / "run" if out is None or out is False else Path(out)


def save_plots(run: runs.Run, comparison: AnyComparison) -> dict[str, str]:
    """Writes the figures of a run into its folder. Returns: the description of each file, by its name."""
    plots = [*run.task.draw(comparison), *_gradient_plots(run)]
    return {plot.save(run.folder).name: plot.description for plot in plots}


def _gradient_plots(run: runs.Run) -> list[Plot]:
    tables = {name: pl.read_csv(path) for name, path in runs.gradients(run).items()}
    if not tables:
        return []
    about = "norm of the gradient by lag, before and after training"
    return [Plot("gradient", about, draw_gradients(tables))]


def find_job(verb: str, lightning: Lightning = NO_EXTRAS) -> Job:
    """The function that does the work of a verb. Raises: `GatewiseError` if no run has that verb."""
    if verb not in JOBS:
        raise GatewiseError(f"expected a run of {' or '.join(JOBS)}, got one of {verb!r}")
    return partial(JOBS[verb], lightning=lightning)
