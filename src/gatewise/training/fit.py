"""One training, from windows to the best weights, resumable at any time."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader

from gatewise.errors import DivergedError, GatewiseError
from gatewise.modules.finite import ADVICE
from gatewise.modules.network import Network
from gatewise.tasks.options import TrainOptions
from gatewise.training.batches import loader
from gatewise.training.callbacks import MetricsFile, Watch
from gatewise.training.checkpoints import WholeCheckpoints, damaged, read_checkpoint
from gatewise.training.gradients import GradientWatch
from gatewise.training.lightning import NO_EXTRAS, Lightning
from gatewise.training.module import TrainingModule
from gatewise.training.runs import GRADIENT

PROCESSES = 8  # that share the processors of a machine, be they fewer


@dataclass(frozen=True)
class Fitted:
    """What a training came to: its best validation loss, its epochs and its seconds."""

    validation_loss: float
    epochs: int
    seconds: float


class _Batches(LightningDataModule):
    """The parts to train on and to validate, as this process sees them."""

    def __init__(self, train: Any, validation: Any, options: TrainOptions) -> None:
        super().__init__()
        self.train, self.validation, self.seed = train, validation, options.seed
        self.batch_size, self.rounds = options.batch_of(len(train)), options.rounds_over(len(train))

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.train, shuffle=True, rounds=self.rounds)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.validation, shuffle=False)

    def _loader(self, dataset: Any, shuffle: bool, rounds: int = 1) -> DataLoader[Any]:
        trainer = self.trainer
        assert trainer is not None
        rank, world = trainer.global_rank, trainer.world_size
        return loader(dataset, self.batch_size, rank, world, shuffle, self.seed, rounds)


def fit(
    network: Network,
    train: Any,
    validation: Any,
    options: TrainOptions,
    folder: Path,
    show: Callable[[float, str], None] = lambda share, message: None,
    after_epoch: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = lambda sentence: None,
    lightning: Lightning = NO_EXTRAS,
) -> Fitted:
    """Trains a network in place until the validation stands still; it ends with its best weights.

    folder: gets `metrics.csv` and `checkpoints/`; a training that was cut off there goes on
    show: is told the share done and a message after each batch; after_epoch: is called then
    lightning: more for its trainer
    warn: is told what a user should know of while it trains

    Errors: `GatewiseError` where the loss is no number; `KeyboardInterrupt` after Ctrl-C.
    """
    checkpoints = folder / "checkpoints"
    best = _checkpoint(checkpoints, "best", monitor="validation_loss")
    metrics = MetricsFile(folder / "metrics.csv")
    stop = EarlyStopping("validation_loss", patience=options.patience, check_on_train_epoch_end=True)
    last = checkpoints / "last.ckpt"
    begun = _Begun()
    callbacks = [
        begun,
        metrics,
        stop,
        Watch(show, after_epoch),
        best,
        _checkpoint(checkpoints, "last", monitor=None),
    ]
    if options.watch_gradient:
        callbacks.append(GradientWatch(folder / GRADIENT, lambda module, batch: network.loss(batch), warn))
    with _quiet():
        trainer = _trainer(options, [*callbacks, *lightning.callbacks], lightning, folder)
        module = TrainingModule(network, options)
        batches = _Batches(train, validation, options)
        goes_on = last.is_file()
        if not (goes_on and _had_ended(checkpoints, options.patience, stop, metrics)):
            try:
                trainer.fit(module, batches, ckpt_path=last if goes_on else None, weights_only=True)
            except SystemExit as end:  # Lightning's way to end after Ctrl-C
                raise KeyboardInterrupt from end
            except (GatewiseError, MemoryError, OSError):
                raise
            except Exception as error:
                if begun.yes or not goes_on:
                    raise
                raise damaged(last, error) from error
    if not isfinite(stop.best_score):
        raise DivergedError(f"the validation loss was never finite in {len(metrics.rows)} epochs; {ADVICE}")
    _load(network, checkpoints / "best.ckpt")
    return Fitted(float(stop.best_score), len(metrics.rows), metrics.seconds)


class _Begun(Callback):
    """Notes that a training has begun: what fails before, where it goes on, is the checkpoint."""

    yes = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.yes = True


def _had_ended(checkpoints: Path, patience: int, stop: EarlyStopping, metrics: MetricsFile) -> bool:
    """Whether a training had ended by its last checkpoint; going on would be another training.

    Errors: `GatewiseError` where a checkpoint is damaged.
    """
    last = checkpoints / "last.ckpt"
    state = read_checkpoint(last)
    read_checkpoint(checkpoints / "best.ckpt")  # before hours of training, not after them
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


def _load(network: Network, path: Path) -> None:
    """The weights of a checkpoint. Errors: `GatewiseError` where it holds others."""
    weights = read_checkpoint(path)
    try:
        named = {name.removeprefix("network."): value for name, value in weights["state_dict"].items()}
        network.load_state_dict(named)
    except Exception as error:
        raise damaged(path, error) from error
    network.cpu().eval()


def _trainer(options: TrainOptions, callbacks: list[Callback], lightning: Lightning, folder: Path) -> Trainer:
    """Errors: `GatewiseError` where this machine does not have what is asked for."""
    try:
        trainer = Trainer(
            **{
                "accelerator": options.accelerator,
                "devices": options.devices,
                "num_nodes": options.nodes,
                "strategy": options.strategy,
                "max_epochs": options.epochs,
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
    most = max(os.cpu_count() or 1, PROCESSES)
    if isinstance(trainer.accelerator, CPUAccelerator) and options.devices > most:
        raise GatewiseError(
            f"can't train on accelerator={options.accelerator}, devices={options.devices}: "
            f"expected at most {most} processes on the processors of this machine"
        )
    return trainer


def _checkpoint(folder: Path, name: str, monitor: str | None) -> ModelCheckpoint:
    return ModelCheckpoint(
        folder, name, monitor=monitor, save_on_train_epoch_end=True, enable_version_counter=False
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Lightning's notices and its advice on data loaders out of the user's sight."""
    for name in ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        warnings.filterwarnings("ignore", message=".*(dataloader|num_workers|LeafSpec|litlogger).*")
        yield
