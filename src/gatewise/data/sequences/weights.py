"""The weights of sequences, from a column in which each row repeats the weight of its sequence."""

from __future__ import annotations

import numpy as np

from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError


class SequenceWeights:
    """The weights of the sequences read so far.

    values: [N], by the numbers of the sequences

    >>> import polars as pl
    >>> weights = SequenceWeights("w")
    >>> weights.add(Table("x.csv", pl.DataFrame({"w": [2.0, 2.0, 0.5]}), 2), np.array([0, 0, 1]))
    >>> weights.values
    array([2. , 0.5])
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.values, self.lines = np.zeros(0), np.zeros(0, np.int64)

    def add(self, piece: Table, sequences: np.ndarray) -> None:
        """Adds the rows of a piece. sequences: [rows], the number of each row's sequence

        Raises: `GatewiseError` with the line of a weight that is negative, not finite, or not the one of an
            earlier row of the same sequence.
        """
        given = piece.numbers(self.column, "weight")
        wrong = ~((given >= 0) & np.isfinite(given))
        if wrong.any():
            row = int(wrong.argmax())
            raise GatewiseError(
                f"{piece.path}, {piece.place(row)}, column {self.column!r}: expected a weight of 0 or more, "
                f"got {'nothing' if np.isnan(given[row]) else f'{given[row]:g}'}"
            )
        numbers, first = np.unique(sequences, return_index=True)
        is_new = numbers >= len(self.values)  # sequences are numbered in the order of their first rows
        self.values = np.append(self.values, given[first[is_new]])
        self.lines = np.append(self.lines, piece.row_lines[first[is_new]])
        differs = given != self.values[sequences]
        if differs.any():
            row = int(differs.argmax())
            number = sequences[row]
            raise GatewiseError(
                f"{piece.path}, {piece.place(row)}, column {self.column!r}: expected the weight "
                f"{self.values[number]:g} of the same sequence in {piece.unit} {self.lines[number]}, got "
                f"{given[row]:g}; a sequence has one weight"
            )


def relative_weights(weights: np.ndarray | None) -> np.ndarray | None:
    """Weights as fractions of the largest one; None if all are equal, so that they have no effect.

    >>> relative_weights(np.array([1, 4, 2])), relative_weights(np.array([3, 3]))
    (array([0.25, 1.  , 0.5 ]), None)
    """
    return None if weights is None or np.ptp(weights) == 0 else weights / weights.max()
