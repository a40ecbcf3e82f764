"""Sequences of vectors with a label at each step, as batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.data.labels.ragged import pad_rows, ragged_indices
from gatewise.data.labels.segments import SegmentDataset, Segments
from gatewise.data.labels.token_steps import NO_LABEL
from gatewise.data.sequences.gaps import Gaps
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.series.scaling import Scale


class ChannelBatch(NamedTuple):
    """Padded sequences.

    values: [B, T, C], scaled, 0 beyond lengths: [B]
    labels: [B, T], -1 beyond the end and if there is none
    gaps: which values were observed, and when; None if networks don't read that
    """

    values: Tensor
    lengths: Tensor
    labels: Tensor
    gaps: Gaps | None = None


class ChannelSteps(SegmentDataset[ChannelBatch]):
    """Segments of a table as batches, for which only their rows are read.

    A missing value is that of the step before in its segment; it is the mean before the first one.

    Args:
        table: the rows; labels: [N], by number, None if there are none
        scales: of the C channels; segments: of this set

    >>> segments = Segments(np.array([0, 2]), np.array([2, 1]))
    >>> table = SequenceTable("", np.ones((3, 1), np.float32), np.array([0, 2, 3]), ("a", "b"), ("x",))
    >>> steps = ChannelSteps(table, np.array([0, 1, 1]), [Scale(0.0, 2.0)], segments)
    >>> batch = steps.__getitems__([0, 1])
    >>> batch.values[..., 0].tolist(), batch.labels.tolist()
    ([[0.5, 0.5], [0.5, 0.0]], [[0, 1], [1, -1]])
    """

    segments: Segments
    labels: np.ndarray
    table: SequenceTable
    scales: Sequence[Scale]

    def __init__(
        self,
        table: SequenceTable,
        labels: np.ndarray | None,
        scales: Sequence[Scale],
        segments: Segments,
    ) -> None:
        self.table, self.segments, self.scales = table, segments, scales
        self.labels = np.full(len(table.values), NO_LABEL) if labels is None else labels
        self._mean = np.array([one.mean for one in scales], np.float32)
        self._deviation = np.array([one.deviation for one in scales], np.float32)

    def __getitems__(self, numbers: list[int]) -> ChannelBatch:
        lengths = self.segments.sizes[numbers]
        slices = self.segments.chosen(numbers).slices()
        values = np.concatenate([self.filled(one) for one in slices])
        labels = np.concatenate([self.labels[one] for one in slices])
        rows, columns = ragged_indices(lengths)
        scaled = (values.astype(np.float32) - self._mean) / self._deviation
        return ChannelBatch(
            pad_rows(rows, columns, lengths, scaled, 0),
            torch.from_numpy(lengths),
            pad_rows(rows, columns, lengths, labels, NO_LABEL),
            self.table.gaps(slices),
        )

    def filled(self, rows: slice) -> np.ndarray:
        """[T, C]: the rows of a segment, with their missing values filled."""
        values = self.table.filled(rows)
        return np.where(np.isnan(values), self._mean, values) if self.table.masked else values

    def place(self, row: int) -> str:
        """The place of a row in its file, for messages."""
        return self.table.place(row)
