"""Rows of numbers that are written down as they are read, and stay on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from gatewise.errors import GatewiseError

NUMBERS_AT_ONCE = 1 << 18


class Spool:
    """Collects rows of numbers in a temporary file without a name, which ends with the process.

    >>> spool = Spool(2)
    >>> spool.add(np.ones((3, 2)))
    >>> spool.values().shape
    (3, 2)
    """

    def __init__(self, width: int, dtype: DTypeLike = np.float64) -> None:
        self.width, self.rows, self.dtype = width, 0, np.dtype(dtype)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 the values outlive this method

    def add(self, rows: np.ndarray) -> None:
        """rows: [n, width]. Errors: `GatewiseError` where the disk is full."""
        try:
            np.asarray(rows, dtype=self.dtype).tofile(self._file)
        except OSError as error:
            raise _full(error) from error
        self.rows += len(rows)

    def values(self) -> np.ndarray:
        """[rows, width], a map of the file: what is not looked at takes no memory. It can be changed."""
        if not self.rows:
            return np.zeros((0, self.width), self.dtype)
        return np.memmap(self._file, self.dtype, "r+", shape=(self.rows, self.width))


def on_disk(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """An array in a temporary file, to be filled in any order. Errors: `GatewiseError` on a full disk."""
    with tempfile.TemporaryFile() as file:
        try:
            if hasattr(os, "posix_fallocate"):  # a map without room behind it would end the process
                os.posix_fallocate(file.fileno(), 0, prod(shape) * np.dtype(dtype).itemsize)
        except OSError as error:
            raise _full(error) from error
        return np.memmap(file, dtype, "w+", shape=shape)


def _full(error: OSError) -> GatewiseError:
    return GatewiseError(
        f"the data's rows can't be kept in {tempfile.gettempdir()} ({error.strerror or error}); TMPDIR names "
        "another place"
    )


def pieces(rows: int, width: int = 1) -> Iterator[slice]:
    """Rows of so many numbers, as many at a time as fit well into memory.

    >>> list(pieces(5, width=NUMBERS_AT_ONCE // 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = at_once(width)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def at_once(width: int) -> int:
    """How many rows of so many numbers fit well into memory."""
    return max(NUMBERS_AT_ONCE // max(width, 1), 1)
