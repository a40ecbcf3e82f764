"""The candidates of a comparison: how each network is built, and the options of each of its trainings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gatewise.modules.network import Network
from gatewise.tasks.base import TaskData
from gatewise.tasks.options import CompareOptions, TrainOptions, candidate_options
from gatewise.training.runs import Run, training


@dataclass(frozen=True)
class Candidate:
    """A network of a comparison.

    make: builds it; trainings: the options of each, by its folder
    is_baseline: whether it is a baseline that is trained by gradient descent
    """

    make: Callable[[], Network]
    trainings: Mapping[Path, TrainOptions]
    is_baseline: bool


def candidates(run: Run, data: TaskData) -> dict[str, Candidate]:
    """The candidates of a run that are trained, by name, baselines first."""
    task, options = run.task, run.options
    assert isinstance(options, CompareOptions)
    baselines = task.trained_baselines(data, options)
    makers: dict[str, Callable[[], Network]] = dict(baselines)
    makers |= {name: partial(task.network, data, options, cell) for name, cell in run.cells.items()}
    found = {}
    for name, make in makers.items():
        own = options.for_baselines() if name in baselines else options
        folders = {
            training(run, name, seed): candidate_options(own, task.options, name, seed)
            for seed in range(options.seeds)
        }
        found[name] = Candidate(make, folders, name in baselines)
    return found
