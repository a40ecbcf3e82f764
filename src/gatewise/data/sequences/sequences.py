"""Labelled sequences of vectors, each of its own length: in one long table, and as padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from gatewise.data.sequences.spool import pieces
from gatewise.data.series.scaling import Scale


@dataclass(frozen=True)
class SequenceTable:
    """N sequences below each other.

    values: [S, C], often a map of a file on disk; offsets: [N + 1], where each begins and ends
    ids: of the sequences; channels: the names of the C columns
    labels: [S], the number in `classes` of each row's label, None where the data have none
    lines: [S], where each row stands in the file, for messages; None where there are no lines
    notes: what was found, a sentence each; unit: what `lines` counts
    """

    path: str
    values: np.ndarray
    offsets: np.ndarray
    ids: tuple[str, ...]
    channels: tuple[str, ...]
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    lines: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sizes(self) -> np.ndarray:
        """[N], the steps of each sequence."""
        return np.diff(self.offsets)

    def owner(self, row: int) -> int:
        """The number of the sequence that a row is of."""
        return int(np.searchsorted(self.offsets, row, side="right")) - 1

    def place(self, row: int) -> str:
        """Where a row stands, for messages."""
        if self.lines is None:
            which = self.owner(row)
            return f"sequence {self.ids[which]!r}, step {row - self.offsets[which] + 1}"
        return f"{self.unit} {self.lines[row]}"

    def scales(self, numbers: Sequence[int]) -> tuple[Scale, ...]:
        """What brings each channel of these sequences to mean 0 and deviation 1; see `learn_scale`."""
        chosen = np.asarray(numbers)
        starts, ends = self.offsets[chosen], self.offsets[chosen + 1]
        shift = self.values[starts[0]].astype(np.float64)  # near the mean, or squares would lose digits
        count, total, squares = 0, np.zeros(len(self.channels)), np.zeros(len(self.channels))
        for part in pieces(len(self.values), len(self.channels)):
            begun, ended = (_counts(edges, part) for edges in (starts, ends))
            times = (begun - ended).cumsum()[:-1]  # how often each row is in the sequences
            rows = self.values[part].astype(np.float64) - shift
            count, total, squares = count + times.sum(), total + times @ rows, squares + times @ rows**2
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        return tuple(
            Scale(float(one), float(spread) or abs(float(one)) or 1.0)
            for one, spread in zip(mean + shift, deviation, strict=True)
        )


def _counts(edges: np.ndarray, part: slice) -> np.ndarray:
    """How many edges lie at each row of a part; those before it at its first, those behind at its end."""
    size = part.stop - part.start
    return np.bincount(np.clip(edges - part.start, 0, size), minlength=size + 1)


class SequenceBatch(NamedTuple):
    """values: [B, T, C], scaled, zero where a sequence is over; lengths: [B]; labels: [B] class numbers."""

    values: Tensor
    lengths: Tensor
    labels: Tensor


class Sequences(Dataset[SequenceBatch]):
    """Some of the sequences of a table, by their numbers there, scaled, with the class of each.

    >>> table = SequenceTable("", np.ones((3, 1), np.float32), np.array([0, 2, 3]), ("a", "b"), ("x",))
    >>> pieces = Sequences(table, [1, 0], [4, 5], (Scale(0.0, 1.0),))
    >>> pieces.__getitems__([0, 1]).values[..., 0]
    tensor([[1., 0.],
            [1., 1.]])
    """

    def __init__(
        self, table: SequenceTable, numbers: ArrayLike, labels: ArrayLike, scales: tuple[Scale, ...]
    ) -> None:
        self.table, self.numbers = table, np.asarray(numbers, dtype=np.int64)
        self.labels = torch.from_numpy(np.asarray(labels, dtype=np.int64))
        self.sizes = torch.from_numpy(table.sizes[self.numbers])
        self.mean = np.array([one.mean for one in scales])
        self.deviation = np.array([one.deviation for one in scales])

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitems__(self, chosen: list[int]) -> SequenceBatch:
        """A whole batch at once; only its rows are read from disk."""
        offsets = self.table.offsets
        rows = [self.table.values[offsets[number] : offsets[number + 1]] for number in self.numbers[chosen]]
        scaled = [((one - self.mean) / self.deviation).astype(np.float32) for one in rows]
        values = pad_sequence([torch.from_numpy(one) for one in scaled], batch_first=True)
        return SequenceBatch(values, self.sizes[chosen], self.labels[chosen])


def in_order(names: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names in their usual order, numbers before words, and the new number of each old one.

    >>> in_order(("10", "b", "9"))
    (('9', '10', 'b'), array([1, 2, 0]))
    """
    order = sorted(range(len(names)), key=lambda number: _natural(names[number]))
    return tuple(names[number] for number in order), np.argsort(order)


def _natural(name: str) -> tuple[int, float, str]:
    try:
        number = float(name)
    except ValueError:
        return 1, 0.0, name
    return (0, number, name) if isfinite(number) else (1, 0.0, name)
