"""Rows of numbers that are written down as they are read, and stay on disk."""

from __future__ import annotations

import tempfile

import numpy as np


class Spool:
    """Collects rows of float32 in a temporary file without a name, which ends with the process.

    >>> spool = Spool(2)
    >>> spool.add(np.ones((3, 2)))
    >>> spool.values().shape
    (3, 2)
    """

    def __init__(self, width: int) -> None:
        self.width, self.rows = width, 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 the values outlive this method

    def add(self, rows: np.ndarray) -> None:
        """rows: [n, width]"""
        self._file.write(np.ascontiguousarray(rows, dtype=np.float32).tobytes())
        self.rows += len(rows)

    def values(self) -> np.ndarray:
        """[rows, width], a map of the file: what is not looked at takes no memory."""
        self._file.flush()
        if not self.rows:
            return np.zeros((0, self.width), np.float32)
        return np.memmap(self._file, np.float32, "r", shape=(self.rows, self.width))
