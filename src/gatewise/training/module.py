"""The Lightning module of any network."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau
from torchmetrics import MeanMetric

from gatewise.engine.subnormal import flush_subnormals
from gatewise.errors import DivergedError
from gatewise.modules.network import Network
from gatewise.modules.weighted import MIN_WEIGHT
from gatewise.tasks.options import TrainOptions

LOWER_RATE_BY, LOWER_RATE_AFTER = 0.3, 2


class TrainingModule(LightningModule):
    """Minimizes `network.loss(batch)` by AdamW, with a learning rate that falls.

    Each epoch draws its random numbers from its own seed, so a resumed training has the same result.
    """

    def __init__(self, network: Network, options: TrainOptions) -> None:
        super().__init__()
        self.network, self.settings = network, options
        # Lightning's own means over processes round the number of terms down.
        self.train_loss, self.validation_loss = MeanMetric(), MeanMetric()

    def on_train_batch_start(self, batch: Any, number: int) -> None:
        if number == 0:  # Lightning skips on_train_epoch_start when it resumes
            torch.manual_seed(
                (self.settings.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank
            )

    def training_step(self, batch: Any, number: int) -> Tensor:
        loss, weight = self.network.loss(batch), self.network.weight(batch)
        if not torch.isfinite(loss):
            raise DivergedError(
                f"the loss became {loss.item()} at step {self.global_step}; "
                "give a lower --learning-rate or --gradient-clip"
            )
        self.train_loss.update(loss.detach(), weight)
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True)
        return loss * self._process_weight(weight)

    def validation_step(self, batch: Any, number: int) -> None:
        loss, weight = self.network.loss(batch), self.network.weight(batch)
        self.validation_loss.update(loss.detach(), weight)
        self.log("validation_loss", self.validation_loss, on_epoch=True)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        gradients = [one.grad for one in self.parameters() if one.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        self.log("gradient_norm", norm, on_step=False, on_epoch=True, batch_size=1)

    def optimizer_step(self, *given: Any, **more: Any) -> None:
        """One training step: the closure runs forward and backward, then the parameters are updated."""
        with flush_subnormals():  # vanishing gradients, and the optimizer's means of them
            super().optimizer_step(*given, **more)

    def configure_optimizers(self) -> Any:
        settings = self.settings
        optimizer = torch.optim.AdamW(
            self.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        if settings.schedule == "cosine":
            steps = max(int(self.trainer.estimated_stepping_batches), 1)
            schedule: Any = {"scheduler": CosineAnnealingLR(optimizer, steps), "interval": "step"}
        else:
            plateau = ReduceLROnPlateau(optimizer, factor=LOWER_RATE_BY, patience=LOWER_RATE_AFTER)
            schedule = {"scheduler": plateau, "monitor": "validation_loss"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _process_weight(self, weight: float) -> float:
        """The factor that makes the mean over processes (by DDP) the mean over all terms of their batches."""
        if self.trainer.world_size == 1:
            return 1.0
        weights: Any = self.all_gather(torch.tensor(float(weight), device=self.device))
        return weight * self.trainer.world_size / max(float(weights.sum()), MIN_WEIGHT)
