"""One training, from windows to the best weights, resumable at any time."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningDataModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from gatewise.errors import GatewiseError
from gatewise.training.callbacks import MetricsFile, Watch, WholeCheckpoints
from gatewise.training.module import TrainingModule
from gatewise.training.options import TrainOptions


@dataclass(frozen=True)
class Fitted:
    """What a training came to: its best validation loss, its epochs and its seconds."""

    validation_loss: float
    epochs: int
    seconds: float


class _Batches(LightningDataModule):
    """Batches of datasets that give a whole batch at once; shuffled by seed and epoch."""

    def __init__(self, train: Dataset[Any], validation: Dataset[Any], batch_size: int, seed: int) -> None:
        super().__init__()
        self.train, self.validation = train, validation
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.validation, shuffle=False)

    def _loader(self, dataset: Dataset[Any], shuffle: bool) -> DataLoader[Any]:
        trainer = self.trainer
        assert trainer is not None
        # For one process too: it shuffles by seed and epoch, whatever was drawn before.
        sampler: DistributedSampler[Any] = DistributedSampler(
            dataset, trainer.world_size, trainer.global_rank, shuffle=shuffle, seed=self.seed
        )
        size = self.batch_size if shuffle else 8 * self.batch_size
        return DataLoader(dataset, size, sampler=sampler, collate_fn=_as_it_is)


def usual_batch_size(examples: int) -> int:
    """At least sixteen steps an epoch where there are few examples; 8 to 64.

    >>> usual_batch_size(71), usual_batch_size(500), usual_batch_size(100_000)
    (8, 31, 64)
    """
    return max(8, min(examples // 16, 64))


def _as_it_is(batch: Any) -> Any:
    return batch


def fit(
    network: nn.Module,
    train: Dataset[Any],
    validation: Dataset[Any],
    options: TrainOptions,
    folder: Path,
    show: Callable[[float, str], None] = lambda share, message: None,
) -> Fitted:
    """Trains a network in place until the validation stands still; it ends with its best weights.

    folder: gets `metrics.csv` and `checkpoints/`; a training that was cut off there goes on
    show: is told the share done and a message after each batch

    Errors: `GatewiseError` where the loss is no number; `KeyboardInterrupt` after Ctrl-C.
    """
    checkpoints = folder / "checkpoints"
    best = _checkpoint(checkpoints, "best", monitor="validation_loss")
    metrics = MetricsFile(folder / "metrics.csv")
    stop = EarlyStopping("validation_loss", patience=options.patience, check_on_train_epoch_end=True)
    with _quiet():
        trainer = _trainer(
            options, [metrics, stop, Watch(show), best, _checkpoint(checkpoints, "last", monitor=None)]
        )
        module = TrainingModule(network, options.learning_rate, options.weight_decay, options.seed)
        size = options.batch_size or usual_batch_size(len(train))  # type: ignore[arg-type]
        batches = _Batches(train, validation, size, options.seed)
        last = checkpoints / "last.ckpt"
        state = torch.load(last, weights_only=True, map_location="cpu") if last.is_file() else None
        if state is not None and state["callbacks"][stop.state_key]["wait_count"] >= options.patience:
            for callback in (metrics, stop):  # it had ended; going on would be another training
                callback.load_state_dict(state["callbacks"][callback.state_key])
        else:
            try:
                trainer.fit(module, batches, ckpt_path=None if state is None else last, weights_only=True)
            except SystemExit as end:  # Lightning's way to end after Ctrl-C
                raise KeyboardInterrupt from end
    weights = torch.load(checkpoints / "best.ckpt", weights_only=True, map_location="cpu")["state_dict"]
    network.load_state_dict({name.removeprefix("network."): value for name, value in weights.items()})
    network.cpu().eval()
    return Fitted(float(stop.best_score), len(metrics.rows), metrics.seconds)


def _trainer(options: TrainOptions, callbacks: list[Callback]) -> Trainer:
    try:
        return Trainer(
            accelerator=options.accelerator,
            devices=options.devices,
            num_nodes=options.nodes,
            strategy=options.strategy,
            max_epochs=options.epochs,
            gradient_clip_val=options.gradient_clip,
            callbacks=callbacks,
            plugins=[WholeCheckpoints()],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
    except (ValueError, RuntimeError, ImportError, MisconfigurationException) as error:
        raise GatewiseError(
            f"can't train on accelerator={options.accelerator}, devices={options.devices}, "
            f"strategy={options.strategy}: {error}"
        ) from error


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
