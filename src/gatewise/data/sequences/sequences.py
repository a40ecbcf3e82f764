"""Sequences of vectors of different lengths: as one long table, and as padded batches with their classes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from gatewise.data.sequences.gaps import Gaps, TimeUnit, carried, gaps_of
from gatewise.data.sequences.spool import row_blocks
from gatewise.data.series.scaling import Scale
from gatewise.data.tables.csv_folder import place_in_folder
from gatewise.errors import GatewiseError


@dataclass(frozen=True)
class SequenceTable:
    """N sequences, concatenated.

    values: [S, C], often memory-mapped, NaN where one is missing and masked
    offsets: [N + 1], the first row of each sequence, and S
    ids: of the sequences; channels: the names of the C columns
    labels: [S], the index in `classes` of each row's label; None if the data have no labels
    lines: [S], the place of each row in the file, for messages; None if there are no lines
    weights, groups: [N], the weight and the group of each sequence; None if the data have none
    targets: [N, K], the numbers to predict from each sequence; None if the data have none
    target_names: of the K numbers
    masked: whether networks read which values are missing
    times: [S], of each row, in microseconds if they are dates; None if rows have no times
    dated: whether times are dates; unit_of_time: of the times that networks read; None if they read none
    notes: on how the file was read; unit: of `lines`
    has_header: whether the file, or those of a folder, have the names of the columns
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
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    targets: np.ndarray | None = None
    target_names: tuple[str, ...] = ()
    masked: bool = False
    times: np.ndarray | None = None
    dated: bool = False
    unit_of_time: TimeUnit | None = None
    has_header: bool = True

    def __len__(self) -> int:
        return len(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        """Arrays in temporary files are pickled by their content: another process can't open these files."""
        return {
            name: np.array(value) if isinstance(value, np.memmap) else value
            for name, value in vars(self).items()
        }

    @property
    def sizes(self) -> np.ndarray:
        """[N], the length of each sequence."""
        return np.diff(self.offsets)

    def owner(self, row: int) -> int:
        """The number of the sequence that a row belongs to."""
        return int(np.searchsorted(self.offsets, row, side="right")) - 1

    def place(self, row: int) -> str:
        """The place of a row in the file, for messages."""
        if self.lines is None:
            which = self.owner(row)
            return f"sequence {self.ids[which]!r}, step {row - self.offsets[which] + 1}"
        if self.unit == "row" and Path(self.path).is_dir():
            return place_in_folder(Path(self.path), int(self.lines[row]), self.has_header)
        return f"{self.unit} {self.lines[row]}"

    def slices(self, numbers: Sequence[int]) -> list[slice]:
        """The rows of some sequences."""
        return [slice(int(self.offsets[one]), int(self.offsets[one + 1])) for one in numbers]

    def filled(self, rows: slice) -> np.ndarray:
        """[T, C]: rows of one sequence, each missing value that of the last row with one; NaN before that."""
        return carried(self.values[rows]) if self.masked else self.values[rows]

    def gaps(self, slices: Sequence[slice]) -> Gaps | None:
        """Which values of sequences or segments were observed, and when; None if networks don't read that.

        slices: the rows of each
        """
        times = None
        if self.unit_of_time is not None:
            assert self.times is not None
            own = [self.times[rows] for rows in slices]
            times = [(one - one[0]) / self.unit_of_time.length for one in own]
        values = [self.values[rows] for rows in slices] if self.masked else []
        return gaps_of(values, times, self.masked)

    def scales(self, numbers: Sequence[int]) -> tuple[Scale, ...]:
        """The mean and standard deviation of each channel over some sequences, as by `learn_scale`.

        Missing values are left out.

        Raises: `GatewiseError` if a channel has no value.
        """
        chosen = np.asarray(numbers)
        starts, ends = self.offsets[chosen], self.offsets[chosen + 1]
        shift = self._first_values(starts, ends)  # near the mean, so that squares keep their digits
        count, total, squares = np.zeros((3, len(self.channels)))
        for block in row_blocks(len(self.values), len(self.channels)):
            begun, ended = (_counts(edges, block) for edges in (starts, ends))
            times = (begun - ended).cumsum()[:-1]  # how often each row occurs in the sequences
            rows = self.values[block].astype(np.float64) - shift
            there = ~np.isnan(rows)
            rows = np.where(there, rows, 0.0)
            count, total, squares = count + times @ there, total + times @ rows, squares + times @ rows**2
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        return tuple(
            Scale(float(one), float(scale) or abs(float(one)) or 1.0)
            for one, scale in zip(mean + shift, deviation, strict=True)
        )

    def _first_values(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """[C]: the first value of each channel. starts, ends: the rows of sequences, one after the other

        Raises: `GatewiseError` if a channel has no value.
        """
        found = np.full(len(self.channels), np.nan)
        for start, end in zip(starts, ends, strict=True):
            for block in row_blocks(end - start, len(self.channels)):
                rows = self.values[start:end][block]
                found = np.where(np.isnan(found), carried(rows[::-1])[-1], found)
                if not np.isnan(found).any():
                    return found
        raise GatewiseError(
            f"{self.path}: channel {self.channels[int(np.isnan(found).argmax())]!r} has no value in the "
            "training set; leave it out of --channels"
        )


def _counts(edges: np.ndarray, block: slice) -> np.ndarray:
    """The number of edges at each row of a block; edges outside count at its first row or its end."""
    size = block.stop - block.start
    return np.bincount(np.clip(edges - block.start, 0, size), minlength=size + 1)


class Mixture(NamedTuple):
    """The second labels of a batch whose examples are mixtures of two.

    labels: [B], class numbers
    fractions: [B], of the second label in the loss; the rest is that of the first
    """

    labels: Tensor
    fractions: Tensor


class SequenceBatch(NamedTuple):
    """Sequences of a batch.

    values: [B, T, C], scaled, zero beyond `lengths`: [B]; labels: [B], class numbers
    weights: [B], by which the losses are multiplied; None if all are equal
    folds: [B], the number of the fold of each; None without cross-validation
    mixture: the second labels; None if each sequence has one
    gaps: which values were observed, and when; None if networks don't read that
    """

    values: Tensor
    lengths: Tensor
    labels: Tensor
    weights: Tensor | None = None
    folds: Tensor | None = None
    mixture: Mixture | None = None
    gaps: Gaps | None = None

    def rows(self, chosen: Tensor) -> SequenceBatch:
        """Some sequences of the batch, by a mask or by their numbers."""
        weights, folds = (None if one is None else one[chosen] for one in (self.weights, self.folds))
        mixture = None if self.mixture is None else Mixture(*(one[chosen] for one in self.mixture))
        gaps = None if self.gaps is None else self.gaps.rows(chosen)
        return SequenceBatch(
            self.values[chosen], self.lengths[chosen], self.labels[chosen], weights, folds, mixture, gaps
        )


class ScaledSequences(Dataset[Any]):
    """Some sequences of a table, scaled.

    numbers: of the sequences in the table; scales: of the channels
    weights: [len(numbers)], by which the loss of each is multiplied; None if all are equal
    folds: [len(numbers)], the number of the fold of each in a cross-validation; None without one
    """

    table: SequenceTable
    numbers: NDArray[np.int64]
    weights: Tensor | None
    folds: Tensor | None
    sizes: Tensor
    mean: NDArray[Any]
    deviation: NDArray[Any]

    def __init__(
        self,
        table: SequenceTable,
        numbers: ArrayLike,
        scales: tuple[Scale, ...],
        weights: ArrayLike | None = None,
        folds: ArrayLike | None = None,
    ) -> None:
        self.table, self.numbers = table, np.asarray(numbers, dtype=np.int64)
        self.weights = None if weights is None else torch.as_tensor(weights, dtype=torch.float32)
        self.folds = None if folds is None else torch.as_tensor(folds, dtype=torch.int64)
        self.sizes = torch.from_numpy(table.sizes[self.numbers])
        self.mean = np.array([one.mean for one in scales])
        self.deviation = np.array([one.deviation for one in scales])

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def fold_count(self) -> int:
        """The number of folds; 1 without a cross-validation."""
        return 1 if self.folds is None else int(self.folds.max()) + 1

    @abstractmethod
    def __getitems__(self, chosen: list[int]) -> Any:
        """A batch, whose first fields are the values and the lengths of the sequences."""

    def padded(self, chosen: list[int]) -> Tensor:
        """[B, T, C]: scaled sequences, zero beyond their ends; only their rows are read from disk.

        A missing value is that of the step before; it is zero, the mean, before the first one.
        """
        rows = [self.table.filled(own) for own in self._slices(chosen)]
        scaled = [((one - self.mean) / self.deviation).astype(np.float32) for one in rows]
        scaled = [np.nan_to_num(one, copy=False) for one in scaled] if self.table.masked else scaled
        return pad_sequence([torch.from_numpy(one) for one in scaled], batch_first=True)

    def gaps(self, chosen: list[int]) -> Gaps | None:
        """Which values of a batch were observed, and when; None if networks don't read that."""
        return self.table.gaps(self._slices(chosen))

    def _slices(self, chosen: list[int]) -> list[slice]:
        return self.table.slices(self.numbers[chosen].tolist())

    def unscaled(self, number: int) -> np.ndarray:
        """[T, C]: a sequence in the units of the data, as a network reads it."""
        return self.padded([number])[0].double().numpy() * self.deviation + self.mean

    def joined(self, other: Self) -> Self:
        """These sequences, and others of the same table with the same scales, without folds."""
        both = copy(self)
        both.folds = None
        both.numbers = np.concatenate([self.numbers, other.numbers])
        both.sizes = torch.cat([self.sizes, other.sizes])
        if self.weights is not None and other.weights is not None:
            both.weights = torch.cat([self.weights, other.weights])
        return both


class Sequences(ScaledSequences):
    """Some sequences of a table, scaled, with the class of each.

    numbers, scales, weights, folds: as in `ScaledSequences`; labels: [len(numbers)], class numbers

    >>> table = SequenceTable("", np.ones((3, 1), np.float32), np.array([0, 2, 3]), ("a", "b"), ("x",))
    >>> sequences = Sequences(table, [1, 0], [4, 5], (Scale(0.0, 1.0),))
    >>> sequences.__getitems__([0, 1]).values[..., 0]
    tensor([[1., 0.],
            [1., 1.]])
    """

    labels: Tensor

    def __init__(
        self,
        table: SequenceTable,
        numbers: ArrayLike,
        labels: ArrayLike,
        scales: tuple[Scale, ...],
        weights: ArrayLike | None = None,
        folds: ArrayLike | None = None,
    ) -> None:
        super().__init__(table, numbers, scales, weights, folds)
        self.labels = torch.from_numpy(np.asarray(labels, dtype=np.int64))

    def joined(self, other: Self) -> Self:
        both = super().joined(other)
        both.labels = torch.cat([self.labels, other.labels])
        return both

    def __getitems__(self, chosen: list[int]) -> SequenceBatch:
        weights = None if self.weights is None else self.weights[chosen]
        folds = None if self.folds is None else self.folds[chosen]
        return SequenceBatch(
            self.padded(chosen),
            self.sizes[chosen],
            self.labels[chosen],
            weights,
            folds,
            gaps=self.gaps(chosen),
        )


def sort_names(names: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """Sorted names, numbers before words, and the new place of each name.

    >>> sort_names(("10", "b", "9"))
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
