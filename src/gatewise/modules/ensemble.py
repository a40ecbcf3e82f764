"""Several networks of one kind that are trained together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.modules.network import Network


class Ensemble(Network):
    """M networks that start from different parameters, and whose predictions are averaged.

    If a batch has folds, the loss of member m leaves out fold m in training; in evaluation, an example is
    predicted by the member that was not trained on it, so that the loss of all examples together is that of a
    cross-validation.

    networks: the members

    Source: Lakshminarayanan, Pritzel and Blundell 2017; with folds, Krogh and Vedelsby 1995.
    """

    networks: nn.ModuleList

    def __init__(self, networks: Iterable[Network]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    @abstractmethod
    def mean_logits(self, logits: Tensor) -> Tensor:
        """The logits [B, K] of the mean of the probabilities of M members. logits: [M, B, K]"""

    @property
    def members(self) -> list[Any]:
        """The networks."""
        return list(self.networks)

    def mean_loss(self, batch: Any) -> Tensor:
        """The mean of the members' losses, each of the sequences of other folds."""
        losses = [member.loss(_without_fold(batch, number)) for number, member in enumerate(self.members)]
        return torch.stack(losses).mean()

    def logits(self, batch: Any) -> Tensor:
        """[B, K]: the mean over all members, or that of each example's own fold."""
        return self.mean_logits(self.member_logits(batch))

    def scale_logits(self, factor: float) -> None:
        """Multiplies the logits of all members by a factor, the inverse of a temperature."""
        for member in self.members:
            member.scale_logits(factor)

    def member_logits(self, batch: Any) -> Tensor:
        """The logits of all members, [M, B, K]; with folds those of each example's own fold, [1, B, K]."""
        if batch.folds is None:
            return torch.stack([member.logits(batch) for member in self.members])
        rows = [(batch.folds == number).nonzero()[:, 0] for number in range(len(self.networks))]
        logits = [
            member.logits(batch.rows(own)) for member, own in zip(self.members, rows, strict=True) if len(own)
        ]
        return torch.cat(logits)[torch.cat(rows).argsort()].unsqueeze(0)

    def options(self) -> dict[str, Any]:
        return {"members": len(self.members), **self.members[0].options()}


def _without_fold(batch: Any, number: int) -> Any:
    """The sequences of other folds; if there are none, all with weight zero: processes wait for gradients."""
    if batch.folds is None:
        return batch
    kept = batch.folds != number
    return batch.rows(kept) if kept.any() else batch._replace(weights=torch.zeros_like(batch.values[:, 0, 0]))
