"""One training, from the data to the best parameters, resumable at any time."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from torch import distributed
from torch.utils.data import DataLoader

from gatewise.errors import DivergedError, GatewiseError
from gatewise.modules.finite import ADVICE
from gatewise.modules.network import Network
from gatewise.tasks.options import TrainOptions
from gatewise.training.averaging import MovingAverage
from gatewise.training.batches import loader
from gatewise.training.callbacks import MetricsFile, ProgressReporter
from gatewise.training.checkpoints import WholeCheckpoints, damaged, read_checkpoint
from gatewise.training.gradients import GradientWatch
from gatewise.training.lightning import NO_EXTRAS, Lightning
from gatewise.training.module import Course, TrainingModule
from gatewise.training.runs import GRADIENT

ONE_PROCESS = {"devices": 1, "nodes": 1, "strategy": "auto"}
PROCESSES = 8  # allowed on the processors of a machine, even if there are fewer


@dataclass(frozen=True)
class Fitted:
    """The result of a training: its best validation loss, its epochs and its seconds.

    learning_rates: of each epoch up to the best one
    """

    validation_loss: float
    epochs: int
    seconds: float
    learning_rates: tuple[float, ...]


class _Batches(LightningDataModule):
    """The batches of the training and validation set of this process.

    batch_size, passes, max_steps: of an epoch, as in `batches.loader`
    """

    def __init__(
        self, train: Sized, validation: Sized, seed: int, batch_size: int, passes: int, max_steps: int | None
    ) -> None:
        super().__init__()
        self.train, self.validation, self.seed = train, validation, seed
        self.batch_size, self.passes, self.max_steps = batch_size, passes, max_steps

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.train, shuffle=True, passes=self.passes, max_steps=self.max_steps)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.validation, shuffle=False)

    def _loader(
        self, dataset: Sized, shuffle: bool, passes: int = 1, max_steps: int | None = None
    ) -> DataLoader[Any]:
        trainer = self.trainer
        assert trainer is not None
        rank, world = trainer.global_rank, trainer.world_size
        return loader(dataset, self.batch_size, rank, world, shuffle, self.seed, passes, max_steps)


def fit(
    network: Network,
    train: Sized,
    validation: Sized,
    options: TrainOptions,
    folder: Path,
    show: Callable[[float, str], None] = lambda fraction, message: None,
    after_epoch: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = lambda sentence: None,
    lightning: Lightning = NO_EXTRAS,
) -> Fitted:
    """Trains a network in place until the validation loss stops improving, and loads its best parameters.

    folder: for `metrics.csv` and `checkpoints/`; an interrupted training in it continues
    show: is called with the fraction done and a message after each batch; after_epoch: after each epoch
    warn: is called with warnings for the user
    lightning: additional settings of the trainer

    Raises: `GatewiseError` if the loss is not finite; `KeyboardInterrupt` after Ctrl-C.
    """
    checkpoints = folder / "checkpoints"
    best = _checkpoint(checkpoints, "best", monitor="validation_loss")
    metrics = MetricsFile(folder / "metrics.csv")
    stop = EarlyStopping("validation_loss", patience=options.patience, check_on_train_epoch_end=True)
    last = checkpoints / "last.ckpt"
    callbacks: list[Callback] = [
        metrics,
        stop,
        ProgressReporter(show, after_epoch),
        best,
        _checkpoint(checkpoints, "last", monitor=None),
    ]
    if options.average:
        callbacks.append(MovingAverage(options.average))
    if options.watch_gradient:
        callbacks.append(GradientWatch(folder / GRADIENT, lambda module, batch: network.loss(batch), warn))
    with _quiet():
        epochs = options.max_epochs(len(train))
        trainer = _trainer(options, epochs, [*callbacks, *lightning.callbacks], lightning, folder)
        module = TrainingModule(network, options)
        sizes = options.batch_size_for(len(train)), options.passes_per_epoch(len(train))
        batches = _Batches(train, validation, options.seed, *sizes, options.max_epoch_steps())
        if not (last.is_file() and _had_ended(checkpoints, options.patience, stop, metrics)):
            _run(trainer, module, batches, last)
    if not isfinite(stop.best_score):
        raise DivergedError(f"the validation loss was never finite in {len(metrics.rows)} epochs; {ADVICE}")
    best_epoch = _load(network, checkpoints / "best.ckpt")
    rates = tuple(row["learning_rate"] for row in metrics.rows[: best_epoch + 1])
    return Fitted(float(stop.best_score), len(metrics.rows), metrics.seconds, rates)


def fit_again(
    network: Network,
    train: Sized,
    options: TrainOptions,
    course: Course,
    folder: Path,
    show: Callable[[float, str], None] = lambda fraction, message: None,
    lightning: Lightning = NO_EXTRAS,
) -> None:
    """Trains a network in place as an earlier one was trained up to its best epoch, without validation.

    Other processes of the earlier training have ended: this one trains alone.

    train: other examples than those of the earlier training; course: the steps of that
    folder, show, lightning: as in `fit`; the user's callbacks have ended with the earlier training

    Raises: `GatewiseError` if the loss is not finite; `KeyboardInterrupt` after Ctrl-C.
    """
    last = folder / "checkpoints" / "last.ckpt"
    options = options.model_copy(update=ONE_PROCESS)
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
    callbacks: list[Callback] = [
        MetricsFile(folder / "metrics.csv"),
        ProgressReporter(show, lambda: None),
        _checkpoint(last.parent, "last", monitor=None),
    ]
    if options.average:
        callbacks.append(MovingAverage(options.average))
    lightning = replace(lightning, options={**lightning.options, "limit_val_batches": 0})
    with _quiet():
        trainer = _trainer(options, course.epochs, callbacks, lightning, folder)
        passes = ceil(course.steps * course.batch_size / len(train))
        batches = _Batches(train, (), options.seed, course.batch_size, passes, course.steps)
        _run(trainer, TrainingModule(network, options, course), batches, last)
    _load(network, last)


class _StartRecorder(Callback):
    """Records whether training has started: a failure before, when resuming, is due to the checkpoint."""

    started = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = True


def _run(trainer: Trainer, module: TrainingModule, batches: _Batches, last: Path) -> None:
    """Trains, from the last checkpoint if there is one."""
    resumes, start = last.is_file(), _StartRecorder()
    trainer.callbacks.insert(0, start)  # type: ignore[attr-defined]
    try:
        trainer.fit(module, batches, ckpt_path=last if resumes else None, weights_only=True)
    except SystemExit as end:  # how Lightning ends after Ctrl-C
        raise KeyboardInterrupt from end
    except (GatewiseError, MemoryError, OSError):
        raise
    except Exception as error:
        if start.started or not resumes:
            raise
        raise damaged(last, error) from error


def _had_ended(checkpoints: Path, patience: int, stop: EarlyStopping, metrics: MetricsFile) -> bool:
    """Whether a training had ended at its last checkpoint and must not continue.

    Raises: `GatewiseError` if a checkpoint is damaged.
    """
    last = checkpoints / "last.ckpt"
    state = read_checkpoint(last)
    read_checkpoint(checkpoints / "best.ckpt")  # fails before hours of training, not after them
    try:
        states = state["callbacks"]
        if not int(states[stop.state_key]["wait_count"]) >= patience:
            return False
        for callback in (metrics, stop):
            callback.load_state_dict(states[callback.state_key])
        float(stop.best_score)
    except Exception as error:
        raise damaged(last, error) from error
    return True


def _load(network: Network, path: Path) -> int:
    """Loads the parameters of a checkpoint; returns its epoch, from 0.

    Raises: `GatewiseError` if they are not those of the network.
    """
    content = read_checkpoint(path)
    try:
        named = {name.removeprefix("network."): value for name, value in content["state_dict"].items()}
        network.load_state_dict(named)
    except Exception as error:
        raise damaged(path, error) from error
    network.cpu().eval()
    return int(content["epoch"])


def _trainer(
    options: TrainOptions,
    epochs: int,
    callbacks: list[Callback],
    lightning: Lightning,
    folder: Path,
) -> Trainer:
    """Lightning's trainer. Raises: `GatewiseError` if this machine lacks the devices asked for."""
    try:
        trainer = Trainer(
            **{
                "accelerator": options.accelerator,
                "devices": options.devices,
                "num_nodes": options.nodes,
                "strategy": options.strategy,
                "max_epochs": epochs,
                "gradient_clip_val": options.gradient_clip,
                "callbacks": callbacks,
                "plugins": [WholeCheckpoints()],
                "logger": lightning.logger_in(folder),
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "num_sanity_val_steps": 0,
                "use_distributed_sampler": False,
                **lightning.options,
            }
        )
    except (ValueError, RuntimeError, ImportError, MisconfigurationException) as error:
        raise GatewiseError(
            f"can't train on accelerator={options.accelerator}, devices={options.devices}, "
            f"strategy={options.strategy}: {error}"
        ) from error
    limit = max(os.cpu_count() or 1, PROCESSES)
    if isinstance(trainer.accelerator, CPUAccelerator) and options.devices > limit:
        raise GatewiseError(
            f"can't train on accelerator={options.accelerator}, devices={options.devices}: "
            f"expected at most {limit} processes on the processors of this machine"
        )
    return trainer


def _checkpoint(folder: Path, name: str, monitor: str | None) -> ModelCheckpoint:
    return ModelCheckpoint(
        folder, name, monitor=monitor, save_on_train_epoch_end=True, enable_version_counter=False
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppresses Lightning's notices and its advice on data loaders."""
    for name in ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        warnings.filterwarnings("ignore", message=".*(dataloader|num_workers|LeafSpec|litlogger).*")
        yield
