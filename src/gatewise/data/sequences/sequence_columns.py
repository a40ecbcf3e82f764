"""Columns in which each row repeats a value of its sequence: its weight, its group, a target, its labels."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TypedDict

import numpy as np
import polars as pl

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.sequences import sort_names
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

FLAGS = {"1": 1.0, "1.0": 1.0, "yes": 1.0, "true": 1.0, "0": 0.0, "0.0": 0.0, "no": 0.0, "false": 0.0}


class SequenceColumn(ABC):
    """The values of the sequences read so far, one for each.

    values: [N], by the numbers of the sequences

    >>> import polars as pl
    >>> weights = SequenceWeights("w")
    >>> weights.add(Table("x.csv", pl.DataFrame({"w": [2.0, 2.0, 0.5]}), 2), np.array([0, 0, 1]))
    >>> weights.values
    array([2. , 0.5])
    """

    values: np.ndarray
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


class SequenceFlags(SequenceColumn):
    """Whether sequences have a label: 0 or 1, written as numbers, booleans, or yes and no."""

    role = "label"

    def _no_values(self) -> np.ndarray:
        return np.zeros(0)

    def _read(self, piece: Table) -> np.ndarray:
        texts = piece.filled_texts(self.column, "label, 0 or 1")
        flags = texts.str.to_lowercase().replace_strict(FLAGS, default=None, return_dtype=pl.Float64)
        if flags.null_count():
            row = int(flags.is_null().arg_max() or 0)
            raise GatewiseError(
                f"{piece.path}, {piece.place(row)}, column {self.column!r}: expected 0 or 1, or no or yes, "
                f"for the label, got {texts[row][:30]!r}"
            )
        return flags.to_numpy()

    def _format(self, value: object) -> str:
        return f"{value:g}"


class SequenceLabelSets(SequenceColumn):
    """The sets of labels of sequences: lists, or texts with a separator; each as a sorted JSON list."""

    role = "set of labels"

    def __init__(self, column: str, separator: str | None) -> None:
        super().__init__(column)
        self.separator = separator

    def indicators(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """[N, L]: 1 where a sequence has a label, else 0; and the names of the L labels."""
        sets = [json.loads(one) for one in self.values]
        names, _ = sort_names(tuple(dict.fromkeys(name for one in sets for name in one)))
        numbers = {name: number for number, name in enumerate(names)}
        found = np.zeros((len(sets), len(names)))
        for row, one in enumerate(sets):
            found[row, [numbers[name] for name in one]] = 1.0
        return found, names

    def _no_values(self) -> np.ndarray:
        return np.zeros(0, object)

    def _read(self, piece: Table) -> np.ndarray:
        given = piece.column(self.column, self.role)
        if isinstance(given.dtype, pl.List) and not given.dtype.inner.is_nested():
            lists = given.cast(pl.List(pl.String)).to_list()
            return np.array([_canonical(one or ()) for one in lists], object)
        if self.separator is None:
            raise GatewiseError(
                f"{piece.path}: column {self.column!r} has no lists of labels; give --label-separator, such "
                "as ';', if a cell has several, or a column of 0 and 1 for each label: --label rain,snow"
            )
        cells = piece.texts(self.column, self.role).fill_null("")
        sets = {cell: _canonical(cell.split(self.separator)) for cell in cells.unique()}
        return np.array([sets[cell] for cell in cells], object)

    def _format(self, value: object) -> str:
        return repr((self.separator or ", ").join(json.loads(str(value))))


def _canonical(labels: Iterable[str | None]) -> str:
    """The distinct labels of a sequence as a JSON list."""
    return json.dumps(sorted({one.strip() for one in labels if one is not None and one.strip()}))


class SequenceFields(TypedDict):
    """Fields of a `SequenceTable`."""

    weights: np.ndarray | None
    groups: np.ndarray | None
    targets: np.ndarray | None
    target_names: tuple[str, ...]


class SequenceColumns:
    """All columns of a table in which each row repeats a value of its sequence."""

    def __init__(self, columns: LongColumns) -> None:
        names, self._label_sets = columns.targets, None
        if columns.multilabel and len(names) == 1:
            self._label_sets = SequenceLabelSets(names[0], columns.label_separator)
            names = ()
        self._weights = None if columns.weight is None else SequenceWeights(columns.weight)
        self._groups = None if columns.group is None else SequenceGroups(columns.group)
        kind = SequenceFlags if columns.multilabel else SequenceTargets
        self._targets: list[SequenceColumn] = [kind(name) for name in names]
        self._names = names

    def add(self, piece: Table, sequences: np.ndarray) -> None:
        """Adds the rows of a piece, see `SequenceColumn.add`."""
        for column in (self._weights, self._groups, self._label_sets, *self._targets):
            if column is not None:
                column.add(piece, sequences)

    def fields(self) -> SequenceFields:
        """The values of all sequences."""
        targets, names = None, self._names
        if self._label_sets is not None:
            targets, names = self._label_sets.indicators()
        elif self._targets:
            targets = np.stack([one.values for one in self._targets], axis=1)
        return {
            "weights": None if self._weights is None else self._weights.values,
            "groups": None if self._groups is None else self._groups.values,
            "targets": targets,
            "target_names": names,
        }
