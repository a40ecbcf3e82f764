"""Concatenated rows of different lengths as padded arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def ragged_indices(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For concatenated rows: the row of each element, and its column.

    >>> rows, columns = ragged_indices(np.array([2, 0, 1]))
    >>> rows.tolist(), columns.tolist()
    ([0, 0, 2], [0, 1, 0])
    """
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def pad_rows(
    rows: np.ndarray, columns: np.ndarray, lengths: np.ndarray, values: np.ndarray, padding: int | float
) -> Tensor:
    """[B, T, ...]: the values [N, ...] at their rows and columns, padding elsewhere."""
    shape = (len(lengths), max(int(lengths.max(initial=0)), 1), *values.shape[1:])
    padded = np.full(shape, padding, values.dtype)
    padded[rows, columns] = values
    return torch.from_numpy(padded)
