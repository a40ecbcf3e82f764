"""Several recurrent classifiers that are trained together."""

from __future__ import annotations

from math import log
from typing import Any

from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.data.sequences.gaps import GapKind
from gatewise.modules.classifier import Classifier
from gatewise.modules.ensemble import Ensemble
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.modules.sequence_encoder import ConvolutionKind


class SequenceEnsemble(Ensemble, Classifier):
    """The mean of the probabilities of M recurrent classifiers: `p = mean_m p_m`.

    Args:
        members: M; the number of folds, if the examples have folds
        cell, ...: of each member, as in `SequenceClassifier`

    >>> import torch
    >>> from gatewise.cells import LSTM
    >>> from gatewise.data.sequences.sequences import SequenceBatch
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
        heads: int = 1,
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
        super().__init__(
            SequenceClassifier(**arguments_of(SequenceClassifier, given)) for _ in range(members)
        )

    def loss(self, batch: Any) -> Tensor:
        """The mean of the members' losses in training; else that of their mean."""
        return self.mean_loss(batch) if self.training else super().loss(batch)

    def mean_logits(self, logits: Tensor) -> Tensor:
        """ln p [B, K], the mean over all members."""
        return logits.log_softmax(-1).logsumexp(0) - log(len(logits))
