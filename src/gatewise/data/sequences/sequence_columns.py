"""Columns in which each row repeats a value of its sequence: its weight, its group, a target."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError


class SequenceColumn(ABC):
    """The values of the sequences read so far, one for each.

    values: [N], by the numbers of the sequences

    >>> import polars as pl
    >>> weights = SequenceWeights("w")
    >>> weights.add(Table("x.csv", pl.DataFrame({"w": [2.0, 2.0, 0.5]}), 2), np.array([0, 0, 1]))
    >>> weights.values
    array([2. , 0.5])
    """

    role: str

    def __init__(self, column: str) -> None:
        self.column = column
        self.values, self.lines = self._no_values(), np.zeros(0, np.int64)

    def add(self, piece: Table, sequences: np.ndarray) -> None:
        """Adds the rows of a piece.

        Args:
            piece: the rows
            sequences: [rows], the number of each row's sequence

        Raises: `GatewiseError` with the line of a value that is not as expected, or not the one of an earlier
            row of the same sequence.
        """
        given = self._read(piece)
        numbers, first = np.unique(sequences, return_index=True)
        is_new = numbers >= len(self.values)  # sequences are numbered in the order of their first rows
        self.values = np.append(self.values, given[first[is_new]])
        self.lines = np.append(self.lines, piece.row_lines[first[is_new]])
        differs = given != self.values[sequences]
        if differs.any():
            row = int(differs.argmax())
            number = sequences[row]
            raise GatewiseError(
                f"{piece.path}, {piece.place(row)}, column {self.column!r}: expected the {self.role} "
                f"{self._format(self.values[number])} of the same sequence in {piece.unit} "
                f"{self.lines[number]}, got {self._format(given[row])}; a sequence has one {self.role}"
            )

    @abstractmethod
    def _no_values(self) -> np.ndarray:
        """An empty array of the type of the values."""

    @abstractmethod
    def _read(self, piece: Table) -> np.ndarray:
        """[rows]: the values of a piece. Raises: `GatewiseError` with the line of a wrong one."""

    @abstractmethod
    def _format(self, value: object) -> str:
        """A value in a message."""


class SequenceWeights(SequenceColumn):
    """The weights of sequences: finite numbers of 0 or more."""

    role = "weight"

    def _no_values(self) -> np.ndarray:
        return np.zeros(0)

    def _read(self, piece: Table) -> np.ndarray:
        given = piece.numbers(self.column, self.role)
        wrong = ~((given >= 0) & np.isfinite(given))
        if wrong.any():
            row = int(wrong.argmax())
            raise GatewiseError(
                f"{piece.path}, {piece.place(row)}, column {self.column!r}: expected a weight of 0 or more, "
                f"got {'nothing' if np.isnan(given[row]) else self._format(given[row])}"
            )
        return given

    def _format(self, value: object) -> str:
        return f"{value:g}"


class SequenceTargets(SequenceColumn):
    """The numbers to predict from sequences."""

    role = "target"

    def _no_values(self) -> np.ndarray:
        return np.zeros(0)

    def _read(self, piece: Table) -> np.ndarray:
        given = piece.numbers(self.column, self.role)
        empty = np.isnan(given)
        if empty.any():
            place = piece.place(int(empty.argmax()))
            raise GatewiseError(f"{piece.path}, {place}, column {self.column!r} is empty: give the target")
        return given

    def _format(self, value: object) -> str:
        return f"{value:.15g}"


class SequenceGroups(SequenceColumn):
    """The groups of sequences, such as the person of each recording: texts."""

    role = "group"

    def _no_values(self) -> np.ndarray:
        return np.zeros(0, object)

    def _read(self, piece: Table) -> np.ndarray:
        return piece.filled_texts(self.column, self.role).to_numpy()

    def _format(self, value: object) -> str:
        return repr(value)
