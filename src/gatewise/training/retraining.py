"""Trains a model again on other data, with its own cell and options, and leaves no files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gatewise.cells.base import CellType
from gatewise.tasks.base import AnyComparison, AnyTask
from gatewise.tasks.options import TrainOptions
from gatewise.tasks.serialization import SavedModel
from gatewise.training.commands import train
from gatewise.training.lightning import Lightning
from gatewise.training.memory import enough_memory
from gatewise.training.progress import ProgressOnly
from gatewise.training.runner import ProgressCallback
from gatewise.training.runs import Run, cell_of


class Retraining:
    """Trains the network of a saved model, newly initialized, beside the baselines, a given number of times.

    model, options: the model and the options of its training
    callback: receives the progress of all trainings together; count: how many there will be
    """

    task: AnyTask
    options: TrainOptions
    cells: dict[str, CellType]
    lightning: Lightning
    callback: ProgressCallback
    count: int
    done: int

    def __init__(
        self,
        task: AnyTask,
        model: SavedModel,
        options: TrainOptions,
        lightning: Lightning,
        callback: ProgressCallback,
        count: int,
    ) -> None:
        self.task, self.options, self.cells = task, options, {model.name: cell_of(model, options)}
        self.lightning, self.callback, self.count, self.done = lightning, callback, count, 0

    def __call__(self, read: Callable[[TrainOptions], Any]) -> AnyComparison:
        """The result of the next training. read: returns the data, by the options of the training"""
        with TemporaryDirectory(prefix="gatewise-") as folder, enough_memory(self.options):
            data = read(self.options)
            run = Run("train", self.task, Path(folder), Path(folder), self.options, self.cells)
            self.callback.begin(f"training {self.done + 1} of {self.count}")
            comparison = train(run, data, ProgressOnly(self.callback), lightning=self.lightning)
        self.done += 1
        return comparison
