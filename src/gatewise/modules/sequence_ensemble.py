"""Several recurrent classifiers that are trained together."""

from __future__ import annotations

from math import log
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.modules.classifier import Classifier
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.modules.sequence_encoder import ConvolutionKind


class SequenceEnsemble(Classifier):
    """The mean of the probabilities of M recurrent classifiers: `p = mean_m p_m`.

    They start from different parameters. If a batch has folds, the loss of member m leaves out fold m in
    training; in evaluation, an example is predicted by the member that was not trained on it, so that the
    loss of all examples together is that of a cross-validation.

    Args:
        members: M; the number of folds, if the examples have folds
        cell, ...: of each member, as in `SequenceClassifier`

    Source: Lakshminarayanan, Pritzel and Blundell 2017; with folds, Krogh and Vedelsby 1995.

    >>> from gatewise.cells import LSTM
    >>> network = SequenceEnsemble(3, LSTM, channels=3, classes=5, hidden=8)
    >>> labels = torch.tensor([4, 0])
    >>> network.logits(SequenceBatch(torch.randn(2, 7, 3), torch.tensor([7, 2]), labels)).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        members: int,
        cell: CellType,
        channels: int,
        classes: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
        label_smoothing: float = 0.1,
        filters: int = 0,
        convolutions: ConvolutionKind = "plain",
        gaps: GapKind = "none",
        decay: bool = False,
    ) -> None:
        given = constructor_arguments(locals())
        super().__init__()
        self.networks = nn.ModuleList(
            SequenceClassifier(**arguments_of(SequenceClassifier, given)) for _ in range(members)
        )

    @property
    def members(self) -> list[SequenceClassifier]:
        """The classifiers."""
        return [one for one in self.networks if isinstance(one, SequenceClassifier)]

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The mean of the members' losses in training; else the cross-entropy of the logits, in nats."""
        if not self.training:
            return super().loss(batch)
        losses = [member.loss(_without_fold(batch, number)) for number, member in enumerate(self.members)]
        return torch.stack(losses).mean()

    def logits(self, batch: SequenceBatch) -> Tensor:
        """ln p [B, K]: the mean over all members, or that of each example's own fold."""
        logits = self.member_logits(batch).log_softmax(-1)
        return logits.logsumexp(0) - log(len(logits))

    def scale_logits(self, factor: float) -> None:
        """Multiplies the logits of all members by a factor, the inverse of a temperature."""
        for member in self.members:
            member.scale_logits(factor)

    def member_logits(self, batch: SequenceBatch) -> Tensor:
        """The logits of all members, [M, B, K]; with folds those of each example's own fold, [1, B, K]."""
        if batch.folds is None:
            return torch.stack([member.logits(batch) for member in self.members])
        folds = batch.folds
        rows = [(folds == number).nonzero()[:, 0] for number in range(len(self.networks))]
        logits = [
            member.logits(batch.rows(own)) for member, own in zip(self.members, rows, strict=True) if len(own)
        ]
        return torch.cat(logits)[torch.cat(rows).argsort()].unsqueeze(0)

    def options(self) -> dict[str, Any]:
        return {"members": len(self.members), **self.members[0].options()}


def _without_fold(batch: SequenceBatch, number: int) -> SequenceBatch:
    """The sequences of other folds; if there are none, all with weight zero: processes wait for gradients."""
    if batch.folds is None:
        return batch
    kept = batch.folds != number
    return batch.rows(kept) if kept.any() else batch._replace(weights=torch.zeros_like(batch.values[:, 0, 0]))
