"""The verbs on a task: train, compare, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from gatewise.errors import DivergedError, GatewiseError
from gatewise.modules.network import Network
from gatewise.tasks.base import AnyComparison, DataT, Task, TaskData
from gatewise.tasks.comparison import AnyResult, Comparison
from gatewise.tasks.mismatch import explain_mismatch
from gatewise.tasks.options import CompareOptions, TrainOptions
from gatewise.tasks.serialization import REFITTED_FILES, SavedModel, save_model
from gatewise.training.candidates import candidates
from gatewise.training.fine_tuning import start_network
from gatewise.training.lightning import NO_EXTRAS, Lightning
from gatewise.training.memory import enough_memory
from gatewise.training.remote import train_remotely
from gatewise.training.runner import ProgressCallback, Runner, write_leaderboard
from gatewise.training.runs import REFIT, Run, discard, write


def execute(
    run: Run,
    callback: ProgressCallback,
    job: Callable[[Run, Any, ProgressCallback], AnyComparison],
    begins: bool = True,
    read: TaskData | None = None,
) -> AnyComparison:
    """Reads the data of a run and calls a job with them.

    job: trains and scores; begins: whether the run is new; then its folder is made, and is removed again if
        nothing was trained
    read: the data if they were read before, and their notes shown

    Raises: `GatewiseError` if the data or an option can't be used, or there is not enough memory.
    """
    with enough_memory(run.options):
        data = _read(run) if read is None else read
        if begins:
            write(run)
        notes = () if read is not None else data.notes
        callback.notes((*notes, *run.options.budget_notes(len(data.train)), *_fine_tuning_notes(run)))
        try:
            return job(run, data, callback)
        except GatewiseError:
            if begins:
                discard(run)
            raise


def _read(run: Run) -> TaskData:
    """The data of a run; to train a model further, they are read as those it was trained on."""
    if run.start is None:
        return run.task.read(run.data, run.options)
    return run.task.load_for_fine_tuning(run.start.model, run.data, run.options)


def _fine_tuning_notes(run: Run) -> tuple[str, ...]:
    """How a model is trained further; nothing for a new one."""
    if run.start is None:
        return ()
    assert isinstance(run.options, TrainOptions)
    kept = f", without {', '.join(run.options.freeze)}" if run.options.freeze else ""
    rate = f"at a learning rate of {run.options.learning_rate:g}"
    return (f"{run.start.model.name} is trained further{kept}, {rate}", *run.start.model.describe_missing())


def train(
    run: Run,
    data: TaskData,
    callback: ProgressCallback,
    baselines: bool = True,
    lightning: Lightning = NO_EXTRAS,
) -> AnyComparison:
    """Trains one network beside the baselines without training; the files are in the run's folder.

    A network that is trained further is compared with itself, as it was before.

    baselines: whether to score these; lightning: additional settings of Lightning's trainer
    """
    task, options = run.task, run.options
    assert isinstance(options, TrainOptions)
    runner = Runner(task, data, callback, task.preprocessing(data, options), lightning)
    results = list(runner.baselines(task.baselines(data, options))) if baselines else []
    for name, cell in run.cells.items():
        make: Callable[[], Network] = partial(task.network, data, options, cell)
        make_again = None
        if run.start is not None:
            results.append(runner.before(f"{name} before", run.start.model.network))
            make = partial(start_network, task, run.start.model, data)
            make_again = partial(start_network, task, run.start.model.for_use, data)
        results.append(runner.trained(name, make, {run.folder: options}, make_again=make_again))
    return _conclude(run, runner, results)


def compare(
    run: Run, data: TaskData, callback: ProgressCallback, lightning: Lightning = NO_EXTRAS
) -> AnyComparison:
    """Trains every cell and every baseline on the same data; each training has its own folder.

    lightning: additional settings of the trainer of each training
    """
    task, options = run.task, run.options
    assert isinstance(options, CompareOptions)
    runner = Runner(task, data, callback, task.preprocessing(data, options), lightning)
    results = list(runner.baselines(task.baselines(data, options)))
    found = candidates(run, data)
    if options.workers is not None:
        train_remotely(run, {name: one.trainings for name, one in found.items()}, options.workers, callback)
    diverged: DivergedError | None = None
    for name, one in found.items():
        try:
            results.append(runner.trained(name, one.make, one.trainings, one.is_baseline))
        except DivergedError as error:
            diverged = error
            runner.leave_out(error)
    if diverged is not None and all(one.baseline for one in results):
        raise diverged
    return _conclude(run, runner, results)


@explain_mismatch
def evaluate(
    task: Task[DataT, Any, Any, Any], model: SavedModel, data: DataT, callback: ProgressCallback
) -> Comparison[DataT, Any]:
    """Scores a saved model on data read for it, beside the baselines that can learn from these data."""
    runner = Runner(task, data, callback, model.preprocessing)
    results = list(runner.baselines(task.evaluation_baselines(data)))
    return runner.ranked([*results, runner.evaluated(model.name, model.network)])


def _conclude(run: Run, runner: Runner[TaskData], results: list[AnyResult]) -> AnyComparison:
    comparison = runner.ranked(results)
    write_leaderboard(run.folder / "leaderboard.csv", comparison)
    chosen = comparison.chosen(baseline=False)
    if chosen is None:
        return comparison
    model = runner.saved(chosen.name, chosen.network)
    everything = runner.refit_data(chosen.name)
    if everything is None:
        save_model(run.folder, model)
    else:
        save_model(run.folder, replace(model, missing=REFITTED_FILES))  # until they are written
        model = replace(model, refitted=runner.refitted(chosen.name, everything, run.folder / REFIT))
        save_model(run.folder, model)
    return replace(comparison, model=model)
