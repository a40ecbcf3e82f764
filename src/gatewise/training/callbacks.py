"""Callbacks during training: the metrics file, the progress."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from pydantic import ConfigDict, TypeAdapter
from pytorch_lightning import Callback, LightningModule, Trainer

from gatewise.files import write_whole

Column = Literal["epoch", "train_loss", "validation_loss", "gradient_norm", "learning_rate", "seconds"]
COLUMNS: tuple[Column, ...] = get_args(Column)
ROWS = TypeAdapter(list[dict[Column, int | float]], config=ConfigDict(strict=True))


class MetricsFile(Callback):
    """Writes a row per epoch to `metrics.csv`.

    The rows are stored in the checkpoint too, so a resumed training continues with the rows it had.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[Column, int | float]] = []
        self._since = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The duration of the training, over all resumptions."""
        return sum(row["seconds"] for row in self.rows)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = ROWS.validate_python(state_dict["rows"])
        if any("seconds" not in row for row in self.rows):
            raise ValueError("a row of the metrics has no seconds")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        values["epoch"] = trainer.current_epoch
        values["learning_rate"] = trainer.optimizers[0].param_groups[0]["lr"]
        values["seconds"] = time.perf_counter() - self._since
        self.rows.append({name: values[name] for name in COLUMNS if name in values})
        if trainer.is_global_zero:
            text = io.StringIO()
            writer = csv.DictWriter(text, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
            write_whole(self.path, lambda path: path.write_text(text.getvalue()))


class ProgressReporter(Callback):
    """Calls `show(fraction done, message)` after each batch, and `after_epoch()` after each epoch."""

    show: Callable[[float, str], None]
    after_epoch: Callable[[], None]

    def __init__(self, show: Callable[[float, str], None], after_epoch: Callable[[], None]) -> None:
        self.show, self.after_epoch = show, after_epoch

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        epochs = trainer.max_epochs or 1
        fraction = (trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches) / epochs
        best = trainer.callback_metrics.get("validation_loss")
        validation = "" if best is None else f", validation {float(best):.4g}"
        self.show(fraction, f"epoch {trainer.current_epoch + 1} of at most {epochs}{validation}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            training = pl_module.training
            pl_module.eval()
            with torch.random.fork_rng([]), torch.no_grad():
                self.after_epoch()
            pl_module.train(training)
