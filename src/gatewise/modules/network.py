"""What all networks and baselines of all tasks have in common: a loss, and plain data that rebuild them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from torch import Tensor, nn


class Network(nn.Module):
    """Anything that can be scored beside others, saved and loaded."""

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """What training makes small, as a mean over the `weight` of the batch."""

    def weight(self, batch: Any) -> float:
        """The number of terms in the mean of the loss: rows, or steps without padding; or their weight."""
        return len(batch[0])

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """All that the constructor needs to build this again, as plain data; a cell stays a cell."""

    @classmethod
    def rebuilt(cls, options: dict[str, Any]) -> Self:
        """The network of these options, with new weights."""
        return cls(**options)


class Baseline(Network):
    """What a network must beat: learned in closed form or by counting."""

    @abstractmethod
    def learn(self, train: Any, validation: Any) -> None:
        """Learns from the data sets of a task; what it chooses, it chooses on the validation part."""
