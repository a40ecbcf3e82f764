"""Ids of sequences in the files of a folder that are read as one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

REMEDY = "if it is one sequence, name a column of times with --time, or put its rows into one file"


class FolderIds:
    """Checks that the ids of a file do not begin again in a later one, which would join two sequences.

    Only the last sequence of a file may continue in the next one, from its first row on; but not if both
    have no other sequence, as they may have one each.
    """

    def __init__(self) -> None:
        self._files: list[str] = []
        self._starts: list[int] = []  # the number of ids before each file
        self._count, self._last, self._continued = 0, -1, -1
        self._only: list[int] = []  # the number of the only id of each file; -1 if it has several

    def add(self, piece: Table, ids: Sequence[str], numbers: np.ndarray) -> None:
        """Adds some rows of one file.

        ids: all so far, in the order of their first occurrence; numbers: [rows], of the id of each row

        Raises: `GatewiseError` with both files if an id begins again.
        """
        if not self._files or self._files[-1] != piece.file:
            self.check(piece.path, ids)
            self._files.append(piece.file)
            self._starts.append(self._count)
            self._only.append(int(numbers[0]))
            self._continued = self._last if numbers[0] == self._last else -1
        if (numbers != self._only[-1]).any():
            self._only[-1] = -1
        again = (numbers < self._starts[-1]) & (numbers != self._continued)
        if again.any():
            row = int(again.argmax())
            number = int(numbers[row])
            earlier = self._files[int(np.searchsorted(self._starts, number, side="right")) - 1]
            raise GatewiseError(
                f"{piece.path}: the sequence {ids[number]!r} of {earlier} begins again in "
                f"{piece.place(row)}; give each sequence an id of its own, or name several columns with "
                f"--id; {REMEDY}"
            )
        self._count, self._last = max(self._count, int(numbers.max()) + 1), int(numbers[-1])

    def check(self, path: str, ids: Sequence[str]) -> None:
        """Raises: `GatewiseError` if the last two files have one and the same id."""
        if len(self._only) > 1 and self._only[-1] == self._only[-2] >= 0:
            raise GatewiseError(
                f"{path}: all rows of {self._files[-2]} and {self._files[-1]} are of the sequence "
                f"{ids[self._only[-1]]!r}; give each sequence an id of its own; {REMEDY}"
            )
