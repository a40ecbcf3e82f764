"""The Lightning module of any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, ReduceLROnPlateau
from torchmetrics import MeanMetric

from gatewise.engine.subnormal import flush_subnormals
from gatewise.errors import DivergedError
from gatewise.modules.network import Network
from gatewise.modules.weighted import MIN_WEIGHT
from gatewise.tasks.options import TrainOptions

LOWER_RATE_BY, LOWER_RATE_AFTER = 0.3, 2


@dataclass(frozen=True)
class Course:
    """The steps of a training up to its best epoch, which a training on other examples repeats.

    batch_size, steps: of each epoch; max_steps: of all epochs that the training could have had
    learning_rates: of each epoch up to the best one
    """

    batch_size: int
    steps: int
    max_steps: int
    learning_rates: tuple[float, ...]

    @classmethod
    def of(cls, options: TrainOptions, examples: int, learning_rates: tuple[float, ...]) -> Course:
        """The course of a training with these options. examples: of its training set"""
        steps = options.steps_of_epoch(examples)
        max_steps = steps * options.max_epochs(examples)
        return cls(options.batch_size_for(examples), steps, max_steps, learning_rates)

    @property
    def epochs(self) -> int:
        """The number of epochs up to the best one."""
        return len(self.learning_rates)


class TrainingModule(LightningModule):
    """Minimizes `network.loss(batch)` by AdamW, with a learning rate that falls.

    Each epoch draws its random numbers from its own seed, so a resumed training has the same result.

    course: of an earlier training, whose learning rates are repeated; None to find them
    """

    network: Network
    settings: TrainOptions
    course: Course | None
    train_loss: MeanMetric
    validation_loss: MeanMetric

    def __init__(self, network: Network, options: TrainOptions, course: Course | None = None) -> None:
        super().__init__()
        self.network, self.settings, self.course = network, options, course
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
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in gradients]))
        self.log("gradient_norm", norm, on_step=False, on_epoch=True, batch_size=1)

    def optimizer_step(self, *given: Any, **more: Any) -> None:
        """One training step: the closure runs forward and backward, then the parameters are updated."""
        with flush_subnormals():  # vanishing gradients, and the optimizer's means of them
            super().optimizer_step(*given, **more)

    def configure_optimizers(self) -> Any:
        settings, course = self.settings, self.course
        optimizer = torch.optim.AdamW(
            self.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        if settings.schedule == "cosine":
            steps = int(self.trainer.estimated_stepping_batches) if course is None else course.max_steps
            schedule: Any = {"scheduler": CosineAnnealingLR(optimizer, max(steps, 1)), "interval": "step"}
        elif course is not None:
            factors = [rate / settings.learning_rate for rate in course.learning_rates]
            repeated = LambdaLR(optimizer, lambda epoch: factors[min(epoch, course.epochs - 1)])
            schedule = {"scheduler": repeated, "interval": "epoch"}
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
