"""The interface of all networks and baselines of all tasks."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Mapping
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

    def modules_called(self, name: str) -> tuple[str, ...]:
        """The modules or parameters of a name: several where the network has networks of the same parts."""
        return (name,)

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        """Builds a network from `options()`, with newly initialized parameters."""
        return cls(**options)


class Baseline(Network):
    """A model to compare networks with, fitted in closed form or by counting."""

    @abstractmethod
    def fit(self, train: Any, validation: Any) -> None:
        """Fits the training set; hyperparameters are chosen on the validation set."""


def constructor_arguments(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor, as `Network.options` returns them.

    scope: its `locals()`, before it sets any

    >>> constructor_arguments({"self": None, "hidden": 8, "__class__": int})
    {'hidden': 8}
    """
    return {name: value for name, value in scope.items() if name not in ("self", "__class__")}


def arguments_of(kind: type[nn.Module], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some arguments that the constructor of a module has too.

    >>> arguments_of(nn.ReLU, {"inplace": True, "hidden": 8})
    {'inplace': True}
    """
    return {name: arguments[name] for name in inspect.signature(kind).parameters if name in arguments}
