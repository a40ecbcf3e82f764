"""The recurrent networks that predict sets of labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.batching import computed_in_batches
from gatewise.data.sequences.gaps import GapKind
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.modules.ensemble import Ensemble
from gatewise.modules.hybrid import Hybrid
from gatewise.modules.network import arguments_of, constructor_arguments
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_encoder import ConvolutionKind, SequenceEncoder
from gatewise.tasks.classify_multilabel.baselines import MultilabelRocket
from gatewise.tasks.classify_multilabel.classifier import (
    MultilabelClassifier,
    binary_cross_entropy,
    shared_temperature,
    weights_of_labels,
)
from gatewise.tasks.classify_multilabel.thresholds import ThresholdKind


class SequenceMultilabelClassifier(SequenceEncoder, MultilabelClassifier):
    """A stack of recurrent layers, pooling over time and a linear layer: `z = V pool(h_1 ... h_T) + b`.

    Convolutions may read the sequence beside the layers: `z = V [pool(h_1 ... h_T), f(x)] + b`.

    Args:
        cell: the cell of all layers
        channels: C, the number of input channels
        labels: L, the number of labels
        hidden: H, the hidden units of each direction
        layers: the number of layers
        heads: groups of units of each layer, see `Recurrent`
        dropout: the dropout rate between the layers and before the logits
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`
        label_smoothing: s, the fraction by which the loss in training moves each label towards 1/2:
            `y (1 - s) + s / 2`
        filters: the output features of the convolutions beside the layers; 0 for no convolutions
        convolutions: "plain", see `FullyConvolutional`, or "inception", see `Inception`
        gaps, decay: what is read beside the values, see `GapInputs`
        thresholds: "half", or "f1" for those of each label, see `f1_thresholds`

    >>> from gatewise.cells import LSTM
    >>> network = SequenceMultilabelClassifier(LSTM, channels=3, labels=5, hidden=8)
    >>> batch = TargetBatch(torch.randn(4, 7, 3), torch.tensor([7, 2, 5, 1]), torch.zeros(4, 5))
    >>> network.logits(batch).shape
    torch.Size([4, 5])
    """

    labels: nn.Linear

    def __init__(
        self,
        cell: CellType,
        channels: int,
        labels: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
        label_smoothing: float = 0.0,
        filters: int = 0,
        convolutions: ConvolutionKind = "plain",
        gaps: GapKind = "none",
        decay: bool = False,
        thresholds: ThresholdKind = "half",
    ) -> None:
        given = constructor_arguments(locals())
        super().__init__(**arguments_of(SequenceEncoder, given))
        self.label_smoothing = label_smoothing
        self.labels = nn.Linear(self.width, labels)
        self.register_thresholds(labels, thresholds)
        self._options = given

    def logits(self, batch: TargetBatch) -> Tensor:
        computed: Tensor = self.labels(self.encode(batch.values, batch.lengths, batch.gaps))
        return computed

    def loss(self, batch: TargetBatch) -> Tensor:
        """The mean binary cross-entropy in nats, with smoothed labels in training only."""
        smoothing = self.label_smoothing if self.training else 0.0
        targets = batch.targets.lerp(torch.full_like(batch.targets, 0.5), smoothing)
        return super().loss(batch._replace(targets=targets))

    def member_logits(self, batch: TargetBatch) -> Tensor:
        """The logits as those of an ensemble of one network: [1, B, L]."""
        return self.logits(batch).unsqueeze(0)

    def scale_logits(self, factor: float) -> None:
        """Multiplies all logits by a factor, the inverse of a temperature."""
        with torch.no_grad():
            for parameter in self.labels.parameters():
                parameter.mul_(factor)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


class MultilabelEnsemble(Ensemble, MultilabelClassifier):
    """The mean of the probabilities of M recurrent networks: `p = mean_m p_m`.

    Args:
        members: M; the number of folds, if the sequences have folds
        cell, ...: of each member, as in `SequenceMultilabelClassifier`
        thresholds: of the mean, as there
    """

    def __init__(
        self,
        members: int,
        cell: CellType,
        channels: int,
        labels: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
        label_smoothing: float = 0.0,
        filters: int = 0,
        convolutions: ConvolutionKind = "plain",
        gaps: GapKind = "none",
        decay: bool = False,
        thresholds: ThresholdKind = "half",
    ) -> None:
        given = {**constructor_arguments(locals()), "thresholds": "half"}
        super().__init__(
            SequenceMultilabelClassifier(**arguments_of(SequenceMultilabelClassifier, given))
            for _ in range(members)
        )
        self.register_thresholds(labels, thresholds)
        self._thresholds = thresholds

    def loss(self, batch: TargetBatch) -> Tensor:
        """The mean of the members' losses in training; else that of their mean."""
        return self.mean_loss(batch) if self.training else super().loss(batch)

    def mean_logits(self, logits: Tensor) -> Tensor:
        """`ln mean p - ln mean (1 - p)`, [B, L]"""
        present, absent = (functional.logsigmoid(one).logsumexp(0) for one in (logits, -logits))
        return present - absent

    def options(self) -> dict[str, Any]:
        return {**super().options(), "thresholds": self._thresholds}


class HybridMultilabelClassifier(Hybrid, MultilabelClassifier):
    """Recurrent layers and `MultilabelRocket`, see `Hybrid`: a mean of their logits.

    Args:
        length: the length of the longest training sequence
        members: M, the number of recurrent networks whose probabilities are averaged
        cell, ...: of each recurrent network, as in `SequenceMultilabelClassifier`
        thresholds: of the mean, as there
    """

    def __init__(
        self,
        cell: CellType,
        channels: int,
        labels: int,
        length: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
        label_smoothing: float = 0.0,
        filters: int = 0,
        convolutions: ConvolutionKind = "plain",
        members: int = 1,
        gaps: GapKind = "none",
        decay: bool = False,
        thresholds: ThresholdKind = "half",
    ) -> None:
        given = {**constructor_arguments(locals()), "thresholds": "half"}
        super().__init__(
            recurrent_network(members, **arguments_of(SequenceMultilabelClassifier, given)),
            MultilabelRocket(channels, labels, length),
        )
        self.register_thresholds(labels, thresholds)
        self._added = {"length": length, "thresholds": thresholds}

    def normalized(self, logits: Tensor) -> Tensor:
        return logits

    def cross_entropy(self, logits: Tensor, examples: TargetSequences) -> float:
        return float(
            binary_cross_entropy(logits, examples.targets, examples.weights, examples.target_weights)
        )

    def complete(self, train: TargetSequences, validation: TargetSequences) -> Tensor:
        calibrate(self.stack, validation)
        logits = super().complete(train, validation)
        self.choose_thresholds(logits, validation.targets, validation.weights)
        return logits

    def options(self) -> dict[str, Any]:
        return {"members": 1, **self.stack.options(), **self._added}


def calibrate(
    network: SequenceMultilabelClassifier | MultilabelEnsemble, validation: TargetSequences
) -> None:
    """Scales all logits by the factor with the least binary cross-entropy on the validation set.

    Then it chooses the thresholds, if the network has them.
    """
    network.eval()
    by_sequence = computed_in_batches(validation, lambda batch: network.member_logits(batch).transpose(0, 1))
    logits, truth = by_sequence.transpose(0, 1), validation.targets
    weights = weights_of_labels(validation.weights, validation.target_weights)
    factor = shared_temperature(logits, truth, weights)
    network.scale_logits(factor)
    calibrated = factor * logits
    mean = network.mean_logits(calibrated) if isinstance(network, MultilabelEnsemble) else calibrated[0]
    network.choose_thresholds(mean, truth, validation.weights)


def recurrent_network(members: int, **options: Any) -> SequenceMultilabelClassifier | MultilabelEnsemble:
    """A recurrent network, or an ensemble of several."""
    if members == 1:
        return SequenceMultilabelClassifier(**options)
    return MultilabelEnsemble(members, **options)
