"""What happens while Lightning trains: the metrics file, the progress bar, whole checkpoints."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.io import TorchCheckpointIO

from gatewise.files import write_whole

COLUMNS = ("epoch", "train_loss", "validation_loss", "gradient_norm", "learning_rate", "seconds")


class MetricsFile(Callback):
    """Writes a row an epoch to `metrics.csv`.

    The rows live in the checkpoint too, so a resumed training goes on with just the rows it had.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self._since = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long the training took, over all resumptions."""
        return sum(row["seconds"] for row in self.rows)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])

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


class Watch(Callback):
    """Tells how far a training is: `show(share done, message)` after each batch, and each epoch's end."""

    def __init__(self, show: Callable[[float, str], None], after_epoch: Callable[[], None]) -> None:
        self.show, self.after_epoch = show, after_epoch

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        epochs = trainer.max_epochs or 1
        share = (trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches) / epochs
        best = trainer.callback_metrics.get("validation_loss")
        told = "" if best is None else f", validation {float(best):.4g}"
        self.show(share, f"epoch {trainer.current_epoch + 1} of at most {epochs}{told}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            training = pl_module.training
            pl_module.eval()
            with torch.random.fork_rng([]), torch.no_grad():
                self.after_epoch()
            pl_module.train(training)


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are there whole or not at all, however a run ends."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        write_whole(Path(path), lambda partial: torch.save(checkpoint, partial))
