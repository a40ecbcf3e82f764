"""Sequences of numbers with a label at each step, as batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.data.labels.pieces import InPieces, Pieces
from gatewise.data.labels.token_steps import NONE, filled, spread
from gatewise.data.series.scaling import Scale


class ChannelBatch(NamedTuple):
    """Sequences, padded to the longest.

    values: [B, T, C], scaled, 0 beyond the end; lengths: [B]
    labels: [B, T], -1 beyond the end and where there is none
    """

    values: Tensor
    lengths: Tensor
    labels: Tensor


class ChannelSteps(InPieces[ChannelBatch]):
    """Pieces of a table by number, as batches; only the rows of a batch are read.

    values: [N, C], often a map of a file; labels: [N], by number; None where there are none
    scales: of the C channels; pieces: those that belong to this part; place: where a row is in its file

    >>> pieces = Pieces(np.array([0, 2]), np.array([2, 1]))
    >>> steps = ChannelSteps(np.ones((3, 1), np.float32), np.array([0, 1, 1]), [Scale(0.0, 2.0)], pieces)
    >>> batch = steps.__getitems__([0, 1])
    >>> batch.values[..., 0].tolist(), batch.labels.tolist()
    ([[0.5, 0.5], [0.5, 0.0]], [[0, 1], [1, -1]])
    """

    def __init__(
        self,
        values: np.ndarray,
        labels: np.ndarray | None,
        scales: Sequence[Scale],
        pieces: Pieces,
        place: Callable[[int], str] = str,
    ) -> None:
        self.values, self.pieces, self.scales, self.place = values, pieces, scales, place
        self.labels = np.full(len(values), NONE) if labels is None else labels
        self._mean = np.array([one.mean for one in scales], np.float32)
        self._deviation = np.array([one.deviation for one in scales], np.float32)

    def part(self, pieces: Pieces) -> ChannelSteps:
        """Other pieces of the same table."""
        return ChannelSteps(self.values, self.labels, self.scales, pieces, self.place)

    def __getitems__(self, numbers: list[int]) -> ChannelBatch:
        """A whole batch at once, padded."""
        lengths = self.pieces.sizes[numbers]
        places = [self.places(number) for number in numbers]
        values = np.concatenate([self.values[place] for place in places])
        labels = np.concatenate([self.labels[place] for place in places])
        rows, columns = spread(lengths)
        scaled = (values.astype(np.float32) - self._mean) / self._deviation
        return ChannelBatch(
            filled(rows, columns, lengths, scaled, 0),
            torch.from_numpy(lengths),
            filled(rows, columns, lengths, labels, NONE),
        )
