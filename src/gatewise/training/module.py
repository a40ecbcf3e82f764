"""Any network of ours as Lightning trains it."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from gatewise.errors import GatewiseError

LOWER_RATE_BY, LOWER_RATE_AFTER = 0.3, 2


class Learner(Protocol):
    """A network that knows its own loss."""

    def loss(self, batch: Any) -> Tensor: ...


class TrainingModule(LightningModule):
    """Minimises `network.loss(batch)` by AdamW; the rate falls where the validation stands still.

    Each epoch draws its own random numbers from the seed, so a resumed training is the same training.
    """

    def __init__(self, network: nn.Module, learning_rate: float, weight_decay: float, seed: int) -> None:
        super().__init__()
        self.network = network
        self.learning_rate, self.weight_decay, self.seed = learning_rate, weight_decay, seed

    def on_train_batch_start(self, batch: Any, number: int) -> None:
        if number == 0:  # Lightning leaves out on_train_epoch_start where it resumes
            torch.manual_seed((self.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank)

    def training_step(self, batch: Any, number: int) -> Tensor:
        loss = self._loss(batch)
        if not torch.isfinite(loss):
            raise GatewiseError(
                f"the loss became {loss.item()} at step {self.global_step}; "
                "give a lower --learning-rate or --gradient-clip"
            )
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=_size(batch), sync_dist=True)
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        loss = self._loss(batch)
        self.log("validation_loss", loss, on_epoch=True, batch_size=_size(batch), sync_dist=True)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        gradients = [one.grad for one in self.parameters() if one.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        self.log("gradient_norm", norm, on_step=False, on_epoch=True, batch_size=1)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), self.learning_rate, weight_decay=self.weight_decay)
        schedule = ReduceLROnPlateau(optimizer, factor=LOWER_RATE_BY, patience=LOWER_RATE_AFTER)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "monitor": "validation_loss"},
        }

    def _loss(self, batch: Any) -> Tensor:
        return self.network.loss(batch)  # type: ignore[operator]


def _size(batch: Any) -> int:
    return len(batch[0])
