"""The trainings of a comparison on the machines of a Ray cluster, each in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewise.errors import DivergedError, GatewiseError
from gatewise.tasks import find_task
from gatewise.tasks.options import TrainOptions
from gatewise.training.candidates import candidates
from gatewise.training.progress import SilentProgress
from gatewise.training.runner import ProgressCallback, Runner
from gatewise.training.runs import Run, resume

RETRIES = 3  # of a training whose machine or process is lost


def train_remotely(
    run: Run,
    trainings: Mapping[str, Mapping[Path, TrainOptions]],
    workers: str,
    callback: ProgressCallback,
) -> None:
    """Trains all that is not finished yet. What fails is left to the caller, who finds no result of it.

    trainings: of each candidate, by folder
    workers: "ray", or the address of a cluster

    Raises: `GatewiseError` if Ray is not installed, or the cluster can't be reached.
    """
    ray = _connected(workers)
    train = ray.remote(max_retries=RETRIES)(_train)
    waiting = {
        train.remote(run.task.name, str(run.folder.resolve()), name, folder.name): folder.name
        for name, folders in trainings.items()
        for folder in folders
        if not (folder / "result.json").is_file()
    }
    count = len(waiting)
    callback.begin(f"{count} trainings by {workers}")
    while waiting:
        (done,), _ = ray.wait(list(waiting), num_returns=1)
        name = waiting.pop(done)
        try:
            ray.get(done)
        except ray.exceptions.RayError as error:
            callback.warn(f"{name} failed on the cluster, and is trained here: {_first_line(error)}")
        callback.progress(1 - len(waiting) / count, f"{count - len(waiting)} of {count} trainings")


def _train(task_name: str, folder: str, name: str, training: str) -> None:
    """Trains one candidate once, in a process of the cluster."""
    task = find_task(task_name)
    run = resume("compare", task, Path(folder))
    data = task.read(run.data, run.options)
    candidate = candidates(run, data)[name]
    where, options = next(item for item in candidate.trainings.items() if item[0].name == training)
    runner = Runner(task, data, SilentProgress(), task.preprocessing(data, run.options))
    try:
        runner.trained(name, candidate.make, {where: options}, candidate.is_baseline)
    except DivergedError:
        return  # the caller finds out, and says so


def _connected(workers: str) -> Any:
    """Ray, connected to a cluster."""
    try:
        import ray
    except ImportError as error:
        raise GatewiseError("--workers ray needs Ray: pip install 'ray[default]'") from error
    if not ray.is_initialized():
        try:
            ray.init(address=None if workers == "ray" else workers, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise GatewiseError(
                f"the Ray cluster {workers!r} can't be reached: {_first_line(error)}"
            ) from error
    return ray


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
