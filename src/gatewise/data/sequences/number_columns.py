"""Columns of numbers that are read piece by piece, and how their numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gatewise.data.tables.missing import describe_markers
from gatewise.data.tables.numbers import Marks, describe_marks
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError


class NumberColumns:
    """The columns of numbers of a file.

    role: of each, for messages; hint: the end of a message on a cell that is not a number
    """

    def __init__(self, names: Sequence[str], role: str, hint: str = "") -> None:
        self._role, self._hint = role, hint
        self._marks: dict[str, Marks] = {}
        self._marked = dict.fromkeys(names, 0)

    def numbers(self, piece: Table, name: str) -> np.ndarray:
        """[rows]: a column of the next piece; an empty cell is NaN.

        Raises: `GatewiseError` with the line of a cell that is not a number.
        """
        marks = self._marks.setdefault(name, Marks(piece.separator))
        try:
            numbers = piece.numbers(name, self._role, marks)
        except GatewiseError as error:
            raise GatewiseError(f"{error}{self._hint}") from error
        self._marked[name] += piece.count_missing(name)
        return numbers

    def check(self, path: Path) -> None:
        """Checks the whole columns. Raises: `GatewiseError` if points or commas may separate thousands."""
        for name, marks in self._marks.items():
            marks.check(str(path), name)

    def notes(self, markers: tuple[str, ...]) -> tuple[str, ...]:
        """Notes on decimal commas and points, and on cells with one of the markers of empty cells."""
        return (*describe_marks(self._marks), *describe_markers(markers, self._marked))
