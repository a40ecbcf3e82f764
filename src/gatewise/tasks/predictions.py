"""The predictions of a network for one split of the data, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from gatewise.modules.network import Network

Predictor = TypeVar("Predictor", bound=Network, covariant=True)
Split = TypeVar("Split", covariant=True)


@dataclass(frozen=True)
class Predictions(Generic[Predictor, Split]):
    """Predictions of a network for a split; scores, tables and figures are computed from them.

    Most tasks derive a class from it that holds the predicted values.

    network: the network that predicts
    split: the examples: the training, validation or test set
    """

    network: Predictor
    split: Split
