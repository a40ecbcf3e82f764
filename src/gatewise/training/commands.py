"""What the verbs do with a task: train, compare, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gatewise.errors import DivergedError
from gatewise.modules.network import Network
from gatewise.tasks.base import Data, Task, of_model
from gatewise.tasks.comparison import Contest, Entry
from gatewise.tasks.options import Contender, Contenders, one_of
from gatewise.tasks.serialization import SavedModel, save_model
from gatewise.training.runner import Arena, Watcher, write_leaderboard
from gatewise.training.runs import Run, training


def train(run: Run, data: Any, watcher: Watcher) -> Contest[Any]:
    """Trains one network, beside the baselines that cost nothing; files go to the run's folder."""
    task, options = run.task, run.options
    assert isinstance(options, Contender)
    arena = Arena(task, data, watcher, task.reading(data, options))
    entries = list(arena.baselines(task.baselines(data, options)))
    for name, cell in run.cells.items():
        entries.append(arena.trained(name, partial(task.network, data, options, cell), {run.folder: options}))
    return _conclude(run, arena, entries)


def compare(run: Run, data: Any, watcher: Watcher) -> Contest[Any]:
    """Trains every cell and every baseline on the same data; each training has a folder of its own."""
    task, options = run.task, run.options
    assert isinstance(options, Contenders)
    arena = Arena(task, data, watcher, task.reading(data, options))
    entries = list(arena.baselines(task.baselines(data, options)))
    rivals = task.trained_baselines(data, options)
    makers: dict[str, Callable[[], Network]] = dict(rivals)
    makers |= {name: partial(task.network, data, options, cell) for name, cell in run.cells.items()}
    diverged: DivergedError | None = None
    for name, make in makers.items():
        folders = {
            training(run, name, seed): one_of(options, task.options, name, seed)
            for seed in range(options.seeds)
        }
        try:
            entries.append(arena.trained(name, make, folders, baseline=name in rivals))
        except DivergedError as error:
            diverged = error
            arena.leave_out(error)
    if diverged is not None and all(one.baseline for one in entries):
        raise diverged
    return _conclude(run, arena, entries)


@of_model
def evaluate(task: Task[Data], model: SavedModel, data: Data, watcher: Watcher) -> Contest[Data]:
    """Scores a saved model on data read for it, beside the baselines that these data can teach."""
    arena = Arena(task, data, watcher, model.reading)
    entries = list(arena.baselines(task.baselines_again(data)))
    return arena.ranked([*entries, arena.evaluated(model.name, model.network)])


def _conclude(run: Run, arena: Arena[Any], entries: list[Entry]) -> Contest[Any]:
    contest = arena.ranked(entries)
    write_leaderboard(run.folder / "leaderboard.csv", contest)
    chosen = contest.chosen(baseline=False)
    if chosen is not None:
        save_model(run.folder, arena.for_use(chosen.name, chosen.network))
    return contest
