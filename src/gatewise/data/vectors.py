"""Sequences of vectors of any length, in one long table; batches of them are padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset


class VectorBatch(NamedTuple):
    """values: [B, T, C], zero where a sequence is over; lengths: [B]."""

    values: Tensor
    lengths: Tensor


class Vectors(Dataset[VectorBatch]):
    """Sequences of vectors [T, C], each of its own length.

    >>> pieces = Vectors([np.ones((3, 2)), np.ones((1, 2))])
    >>> pieces.__getitems__([1, 0]).values[..., 0]
    tensor([[1., 0., 0.],
            [1., 1., 1.]])
    """

    def __init__(self, sequences: Sequence[np.ndarray]) -> None:
        self.sizes = [len(one) for one in sequences]
        self.values = torch.from_numpy(np.concatenate(sequences).astype(np.float32))
        self.parts = self.values.split(self.sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def channels(self) -> int:
        """C, the width of a vector."""
        return self.values.shape[1]

    def __getitems__(self, numbers: list[int]) -> VectorBatch:
        """A whole batch at once."""
        chosen = [self.parts[number] for number in numbers]
        return VectorBatch(pad_sequence(chosen, batch_first=True), torch.tensor([len(one) for one in chosen]))

    def before(self) -> Tensor:
        """The vector before each of the table, [S, C]; zeros before the first of a sequence."""
        shifted = self.values.roll(1, dims=0)
        shifted[np.cumsum([0, *self.sizes[:-1]])] = 0
        return shifted
