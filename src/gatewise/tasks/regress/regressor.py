"""The interface of all networks and baselines that predict numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn import functional

from gatewise.data.batching import computed_in_batches
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.modules.network import Network
from gatewise.modules.weighted import total_weight, weighted_mean

LossKind = Literal["squared", "absolute", "huber"]
LOSSES: dict[LossKind, Callable[..., Tensor]] = {
    "squared": functional.mse_loss,
    "absolute": functional.l1_loss,
    "huber": functional.huber_loss,
}


class Regressor(Network):
    """A network that predicts K numbers from a sequence, scaled as the targets of the training set.

    loss_kind: "squared", `e^2`; "absolute", `|e|`; or "huber", `e^2 / 2` for `|e| < 1` and `|e| - 1/2` above
        (Huber 1964), of the scaled errors e
    """

    loss_kind: LossKind = "squared"

    @abstractmethod
    def outputs(self, batch: TargetBatch) -> Tensor:
        """Predicts the scaled targets [B, K] of a batch of B sequences."""

    def loss(self, batch: TargetBatch) -> Tensor:
        """The mean loss over the sequences, weighted if they have weights, and over the targets."""
        losses = LOSSES[self.loss_kind](self.outputs(batch), batch.targets, reduction="none")
        return weighted_mean(losses.mean(1), batch.weights)

    def weight(self, batch: TargetBatch) -> float:
        """The sum of the weights of the sequences; their number if they have no weights."""
        return total_weight(batch.weights, len(batch.values))


def predict_scaled(network: Regressor, sequences: TargetSequences) -> np.ndarray:
    """Predicts the scaled targets [N, K] of all sequences, in float64."""
    network.eval()
    return computed_in_batches(sequences, network.outputs).double().numpy()
