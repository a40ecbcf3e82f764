"""Sequences of numbers of different lengths, concatenated."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from gatewise.data.tokenizers.sentences import END, PADDING


class Ragged:
    """Many sequences of numbers in one array.

    >>> Ragged.of([[5, 6], [7]]).padded([1, 0])
    tensor([[7, 3, 0],
            [5, 6, 3]])
    """

    numbers: np.ndarray
    lengths: np.ndarray

    def __init__(self, numbers: np.ndarray, lengths: np.ndarray) -> None:
        self.numbers, self.lengths = numbers, lengths
        self._starts = np.cumsum(lengths) - lengths

    @classmethod
    def of(cls, sequences: Iterable[list[int]]) -> Ragged:
        """Sequences, to each of which END is appended."""
        numbers, lengths = array("i"), array("q")
        for one in sequences:
            numbers.extend((*one, END))
            lengths.append(len(one) + 1)
        return cls(np.array(numbers, np.int32), np.array(lengths, np.int64))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.numbers[self._starts[row] : self._starts[row] + self.lengths[row]]

    def tensor_lengths(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """[rows], the length of each sequence."""
        return torch.from_numpy(self.lengths[rows])

    def padded(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """[rows, T], some sequences, with PADDING beyond their ends."""
        lengths = self.lengths[rows]
        steps = np.arange(lengths.max())
        is_inside = steps < lengths[:, None]
        places = np.where(is_inside, self._starts[rows][:, None] + steps, 0)
        return torch.from_numpy(np.where(is_inside, self.numbers[places], PADDING).astype(np.int64))
