"""Sequences with the numbers to predict from each."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from gatewise.data.sequences.gaps import Gaps
from gatewise.data.sequences.sequences import ScaledSequences, SequenceTable
from gatewise.data.series.scaling import Scale


class TargetBatch(NamedTuple):
    """Sequences of a batch.

    values: [B, T, C], scaled, zero beyond `lengths`: [B]; targets: [B, K], scaled
    weights: [B], by which the losses are multiplied; None if all are equal
    gaps: which values were observed, and when; None if networks don't read that
    folds: [B], the number of the fold of each; None without cross-validation
    target_weights: [B, K], by which the loss of each target is multiplied too; None if all are equal
    """

    values: Tensor
    lengths: Tensor
    targets: Tensor
    weights: Tensor | None = None
    gaps: Gaps | None = None
    folds: Tensor | None = None
    target_weights: Tensor | None = None

    def rows(self, chosen: Tensor) -> TargetBatch:
        """Some sequences of the batch, by a mask or by their numbers."""
        weights, folds, target_weights = (
            None if one is None else one[chosen] for one in (self.weights, self.folds, self.target_weights)
        )
        gaps = None if self.gaps is None else self.gaps.rows(chosen)
        return TargetBatch(
            self.values[chosen],
            self.lengths[chosen],
            self.targets[chosen],
            weights,
            gaps,
            folds,
            target_weights,
        )


class TargetSequences(ScaledSequences):
    """Some sequences of a table, scaled, with their scaled targets.

    numbers, scales, weights, folds: as in `ScaledSequences`; target_scales: of the K targets
    target_weights: [len(numbers), K], by which the loss of each target is multiplied; None if all are equal
    Targets of a table without any are zero.

    >>> table = SequenceTable(
    ...     "", np.ones((3, 1)), np.array([0, 2, 3]), ("a", "b"), ("x",), targets=np.array([[5.0], [7.0]])
    ... )
    >>> sequences = TargetSequences(table, [1, 0], (Scale(0.0, 1.0),), (Scale(5.0, 2.0),))
    >>> sequences.__getitems__([0, 1]).targets
    tensor([[1.],
            [0.]])
    """

    targets: Tensor

    def __init__(
        self,
        table: SequenceTable,
        numbers: ArrayLike,
        scales: tuple[Scale, ...],
        target_scales: tuple[Scale, ...],
        weights: ArrayLike | None = None,
        *,
        folds: ArrayLike | None = None,
        target_weights: Tensor | None = None,
    ) -> None:
        super().__init__(table, numbers, scales, weights, folds)
        self.target_weights = target_weights
        columns = np.zeros((len(table), len(target_scales))) if table.targets is None else table.targets
        scaled = [scale.apply(column) for scale, column in zip(target_scales, columns.T, strict=True)]
        self.targets = torch.from_numpy(np.stack(scaled, axis=1)[self.numbers]).float()

    def joined(self, other: Self) -> Self:
        both = super().joined(other)
        both.targets = torch.cat([self.targets, other.targets])
        if self.target_weights is not None and other.target_weights is not None:
            both.target_weights = torch.cat([self.target_weights, other.target_weights])
        return both

    def __getitems__(self, chosen: list[int]) -> TargetBatch:
        weights, folds, target_weights = (
            None if one is None else one[chosen] for one in (self.weights, self.folds, self.target_weights)
        )
        return TargetBatch(
            self.padded(chosen),
            self.sizes[chosen],
            self.targets[chosen],
            weights,
            self.gaps(chosen),
            folds,
            target_weights,
        )
