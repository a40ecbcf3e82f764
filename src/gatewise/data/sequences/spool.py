"""Rows of numbers that are written to a temporary file and memory-mapped."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from gatewise.errors import GatewiseError

BLOCK = 1 << 18  # numbers that are processed at a time


class Spool:
    """Collects rows of numbers in an anonymous temporary file, which disappears with the process.

    >>> spool = Spool(2)
    >>> spool.add(np.ones((3, 2)))
    >>> spool.values().shape
    (3, 2)
    """

    width: int
    rows: int

    def __init__(self, width: int, dtype: DTypeLike = np.float64) -> None:
        self.width, self.rows, self.dtype = width, 0, np.dtype(dtype)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 the values outlive this method

    def add(self, rows: np.ndarray) -> None:
        """rows: [n, width]. Raises: `GatewiseError` if the disk is full."""
        try:
            np.asarray(rows, dtype=self.dtype).tofile(self._file)
        except OSError as error:
            raise _full(error) from error
        self.rows += len(rows)

    def values(self) -> np.ndarray:
        """[rows, width], a writable memory map of the file."""
        if not self.rows:
            return np.zeros((0, self.width), self.dtype)
        return np.memmap(self._file, self.dtype, "r+", shape=(self.rows, self.width))


def on_disk(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """A writable array in a temporary file. Raises: `GatewiseError` if the disk is full."""
    with tempfile.TemporaryFile() as file:
        try:
            if hasattr(os, "posix_fallocate"):  # a map beyond the free space would kill the process
                os.posix_fallocate(file.fileno(), 0, prod(shape) * np.dtype(dtype).itemsize)
        except OSError as error:
            raise _full(error) from error
        return np.memmap(file, dtype, "w+", shape=shape)


def _full(error: OSError) -> GatewiseError:
    return GatewiseError(
        f"the rows of the data can't be written to {tempfile.gettempdir()} ({error.strerror or error}); set "
        "TMPDIR to another folder"
    )


def row_blocks(rows: int, width: int = 1) -> Iterator[slice]:
    """Yields blocks of rows with `width` numbers each, small enough for memory.

    >>> list(row_blocks(5, width=BLOCK // 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = rows_per_block(width)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def rows_per_block(width: int) -> int:
    """The number of rows of `width` numbers that are processed at a time."""
    return max(BLOCK // max(width, 1), 1)
