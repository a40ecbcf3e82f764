"""Baselines for sets of labels: frequencies, the most frequent set, the nearest sequence, MiniRocket."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from gatewise.baselines.feature_ridge import ConvolutionRidge
from gatewise.baselines.nearest_sequence import NearestSequence
from gatewise.baselines.ridge import RidgeFit, fit_ridge
from gatewise.baselines.sequence_features import RESAMPLED_STEPS
from gatewise.data.batching import iterate_batches
from gatewise.data.sequences.sequences import ScaledSequences
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.modules.network import Baseline, constructor_arguments
from gatewise.modules.weighted import weighted_mean
from gatewise.tasks.classify_multilabel.classifier import MultilabelClassifier, label_temperatures
from gatewise.tasks.classify_multilabel.thresholds import ThresholdKind

LEAST_CONFIDENCE = 0.501


class LabelFrequencies(MultilabelClassifier, Baseline):
    """Predicts the frequency of each label in the training set for every sequence.

    labels: L; thresholds: "half", or "f1" for those of each label
    """

    frequencies: Tensor

    def __init__(self, labels: int, thresholds: ThresholdKind = "half") -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.full((labels,), 0.5))
        self.register_thresholds(labels, thresholds)
        self._thresholds = thresholds

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        """Counts one more sequence with and one without each label, so that no probability is 0 or 1."""
        mean = weighted_mean(train.targets, train.weights)
        self.frequencies = (mean * len(train) + 1) / (len(train) + 2)
        self.choose_thresholds(
            self.frequencies.logit().expand(len(validation), -1), validation.targets, validation.weights
        )

    def logits(self, batch: TargetBatch) -> Tensor:
        return self.frequencies.logit().expand(len(batch.values), -1)

    def options(self) -> dict[str, Any]:
        return {"labels": len(self.frequencies), "thresholds": self._thresholds}


class SetBaseline(MultilabelClassifier, Baseline):
    """Predicts a set of labels that it has seen.

    The confidence is the fraction of the labels of the validation set that are right, present or absent, and
    above one half, so that the set itself is predicted.
    """

    confidence: Tensor

    @abstractmethod
    def labels_of(self, batch: TargetBatch) -> Tensor:
        """[B, L]: the predicted labels, 1 or 0."""

    def measure_confidence(self, validation: TargetSequences) -> None:
        """Measures the confidence; one random guess is added, so that it is below 1."""
        right = sum(
            int((self.labels_of(batch) == batch.targets).sum()) for _, batch in iterate_batches(validation)
        )
        fraction = (right + 0.5) / (validation.targets.numel() + 1)
        self.confidence = torch.tensor(max(fraction, LEAST_CONFIDENCE))

    def logits(self, batch: TargetBatch) -> Tensor:
        return (2 * self.labels_of(batch) - 1) * self.confidence.logit()


class MostFrequentLabels(SetBaseline):
    """Predicts the most frequent set of labels of the training set for every sequence. labels: L"""

    most_frequent: Tensor

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.register_buffer("most_frequent", torch.zeros(labels))
        self.register_buffer("confidence", torch.tensor(0.5))

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        sets, numbers = train.targets.unique(dim=0, return_inverse=True)
        self.most_frequent = sets[torch.bincount(numbers, weights=train.weights).argmax()]
        self.measure_confidence(validation)

    def labels_of(self, batch: TargetBatch) -> Tensor:
        return self.most_frequent.expand(len(batch.values), -1)

    def options(self) -> dict[str, Any]:
        return {"labels": len(self.most_frequent)}


class NearestLabels(NearestSequence, SetBaseline):
    """The labels of the nearest training sequence; its arguments are those of `NearestSequence`."""

    def __init__(self, channels: int, targets: int, examples: int = 0, steps: int = RESAMPLED_STEPS) -> None:
        super().__init__(channels, targets, examples, steps)
        self.register_buffer("confidence", torch.tensor(0.5))

    def fit(self, train: TargetSequences, validation: TargetSequences) -> None:
        self.keep(train)
        self.measure_confidence(validation)

    def labels_of(self, batch: TargetBatch) -> Tensor:
        return self.nearest_targets(batch)

    def options(self) -> dict[str, Any]:
        return dict(self.sizes())


class MultilabelRocket(ConvolutionRidge, MultilabelClassifier, Baseline):
    """Ridge regression on the features of `RandomConvolutions`, with an output for each label.

    The penalty has the least leave-one-out error, and the temperature of each label the least cross-entropy
    of the leave-one-out predictions, so that all labelled sequences can be used. The thresholds are chosen
    by these, too. Where the labels of training sequences have weights, the logits are those of the prior
    odds that the weights pretend, `z + ln(c_1 / c_0)` with the mean weights of a label where it is present
    and absent.

    Args:
        channels: C, the number of channels
        labels: L, the number of labels
        length: the length of the longest training sequence
        features: F, the number of features
        thresholds: "half", or "f1" for those of each label

    Source: Dempster, Schmidt and Webb 2021; Saerens, Latinne and Decaestecker 2002 (prior odds).
    """

    def __init__(
        self,
        channels: int,
        labels: int,
        length: int,
        features: int = 9_996,
        thresholds: ThresholdKind = "half",
    ) -> None:
        given = constructor_arguments(locals())
        super().__init__(channels, labels, length, features)
        self.register_thresholds(labels, thresholds)
        self._options = given

    def fit_features(self, train: ScaledSequences, features: Tensor, rows: Tensor) -> RidgeFit:
        """Fits 1 for the labels of a sequence and -1 for the others, and calibrates the outputs as logits."""
        assert isinstance(train, TargetSequences)
        targets, weights = train.targets[rows], None if train.weights is None else train.weights[rows]
        fitted = fit_ridge(features, 2 * targets - 1, weights)
        counted = torch.ones(len(rows), dtype=torch.bool) if weights is None else weights > 0
        own = None if weights is None else weights[counted]
        factors = label_temperatures(fitted.left_out[counted], targets[counted], own)
        shift = torch.zeros(targets.shape[1])
        if train.target_weights is not None:
            shift = _prior_odds(train.target_weights[rows], targets)
        scaled = RidgeFit(
            (fitted.weight * factors[:, None]).float(),
            (fitted.bias * factors + shift).float(),
            (fitted.left_out * factors + shift).float(),
        )
        self.choose_thresholds(scaled.left_out[counted], targets[counted], own)
        return scaled

    def logits(self, batch: TargetBatch) -> Tensor:
        return self.predict(batch.values, batch.lengths)

    def options(self) -> dict[str, Any]:
        return dict(self._options)


def _prior_odds(target_weights: Tensor, targets: Tensor) -> Tensor:
    """[L]: `ln(c_1 / c_0)`, by the mean weights of the labels present and absent; 0 without one of them."""
    present, absent = ((target_weights * chosen).sum(0) / chosen.sum(0) for chosen in (targets, 1 - targets))
    odds: Tensor = (present / absent).log().nan_to_num(0.0)
    return odds
