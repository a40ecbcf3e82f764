"""The interface of all networks and baselines of all tasks."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from torch import Tensor, nn


class Network(nn.Module):
    """Anything that can be scored beside others, saved and loaded."""

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """The training loss: a mean over the terms that `weight` counts."""

    def weight(self, batch: Any) -> float:
        """The number of terms in the mean of the loss (rows, or steps without padding), or their weight."""
        return len(batch[0])

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The arguments of the constructor as plain data, except for a cell."""

    def refit(self, train: Any, validation: Any) -> None:
        """Fits the parts that have a closed form again, on both sets; after the validation set was scored."""

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        """Builds a network from `options()`, with newly initialized parameters."""
        return cls(**options)


class Baseline(Network):
    """A model to compare networks with, fitted in closed form or by counting."""

    @abstractmethod
    def fit(self, train: Any, validation: Any) -> None:
        """Fits the training set; hyperparameters are chosen on the validation set."""
