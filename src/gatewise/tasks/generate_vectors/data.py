"""Preprocessing of sequences of vectors, and its inverse for samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from gatewise.data.fingerprint import fingerprint
from gatewise.data.sequences.archives import ARCHIVES, read_archive
from gatewise.data.sequences.differences import differences
from gatewise.data.sequences.long_table import Fill, LongColumns, read_long
from gatewise.data.sequences.plausible import require_steps
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.sequences.vectors import binary_channels, cut_sequences, split_by_column
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions, Split, random_split
from gatewise.errors import GatewiseError
from gatewise.tasks.generate_vectors.options import GenerateVectorsOptions
from gatewise.tasks.generate_vectors.plots import VectorLayout
from gatewise.tasks.prediction import require_finite


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads sequences, and how its samples are converted back.

    columns: None where the data are an archive; channels: what a vector holds
    differences: the channels of which changes are learned; split_column: with the names of the sets
    binary: the places of the channels that are 0 or 1; scales: of all channels
    source: the fingerprint of the data trained on; steps: the usual length of a sequence there
    """

    columns: LongColumns | None
    channels: tuple[str, ...]
    fill: Fill | None
    differences: tuple[str, ...]
    split_column: str | None
    binary: tuple[int, ...]
    scales: tuple[Scale, ...]
    source: str
    fractions: Fractions
    steps: int

    @property
    def key(self) -> str:
        """The name of the column that identifies sequences."""
        return (self.columns and self.columns.id) or "sequence"

    @property
    def changing(self) -> list[int]:
        """The places of the channels of which changes are learned."""
        return [self.channels.index(name) for name in self.differences]

    @property
    def layout(self) -> VectorLayout:
        """Pen strokes for two positions with at most one binary channel; else curves or rolls."""
        real = tuple(name for channel, name in enumerate(self.channels) if channel not in self.binary)
        pen = len(real) == 2 and set(real) == set(self.differences) and len(self.binary) <= 1
        return VectorLayout(self.channels, self.binary, real if pen else ())

    def table(self, path: Path, with_sets: bool) -> SequenceTable:
        """A file with the channels of the training data, as they were learned.

        with_sets: whether its sequences name their sets, as those of the training data do

        Raises: `GatewiseError` if it has others, or something else than 0 and 1 in a 0/1 channel.
        """
        table = self._read(path, with_sets)
        if len(table.channels) != len(self.channels):
            raise GatewiseError(
                f"{path} has sequences of {len(table.channels)} channels; "
                f"the model knows {len(self.channels)}"
            )
        table = differences(table, self.differences) if self.differences else table
        for channel in self.binary:
            invalid = (table.values[:, channel] != 0) & (table.values[:, channel] != 1)
            if invalid.any():
                row = int(invalid.argmax())
                raise GatewiseError(
                    f"{path}, {table.place(row)}, column {table.channels[channel]!r}: expected 0 or 1 as in "
                    f"training, got {table.values[row, channel]:g}"
                )
        return table

    def ends(self, path: Path) -> np.ndarray:
        """The last vectors of a file's sequences, as they stand there, [N, C]."""
        table = self._read(path, with_sets=False)
        return np.asarray(table.values[table.offsets[1:] - 1], dtype=np.float64)

    def in_units(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled vectors [T, C] in the units of the data; of positions, still their changes."""
        columns = [scale.undo(scaled[:, channel]) for channel, scale in enumerate(self.scales)]
        return np.stack(columns, axis=1).astype(np.float64)

    def whole(self, scaled: np.ndarray) -> np.ndarray:
        """A scaled sequence [T, C] in the units of the data, changes added up from 0."""
        values = self.in_units(scaled)
        values[:, self.changing] = values[:, self.changing].cumsum(axis=0)
        return values

    def to_table(self, sequences: Sequence[np.ndarray]) -> pl.DataFrame:
        """Whole sequences as one long table, with the columns of the training data."""
        time = (self.columns and self.columns.time) or "step"
        kinds = [np.int64 if channel in self.binary else np.float64 for channel in range(len(self.channels))]
        frames = [
            pl.DataFrame(
                {
                    self.key: [str(number)] * len(values),
                    time: range(1, len(values) + 1),
                    **{
                        name: column.astype(kind)
                        for name, column, kind in zip(self.channels, values.T, kinds, strict=True)
                    },
                }
            )
            for number, values in enumerate(sequences, 1)
        ]
        table = pl.concat(frames).with_columns(cs.float().round_sig_figs(7))
        require_finite(table)
        return table

    def _read(self, path: Path, with_sets: bool) -> SequenceTable:
        split_column = self.split_column if with_sets else None
        columns = self.columns and replace(
            self.columns, channels=self.channels, label=None, split_column=split_column
        )
        return read_vectors(path, columns or LongColumns(), self.fill)[0]


def read_vectors(
    path: Path, columns: LongColumns, fill: Fill | None
) -> tuple[SequenceTable, LongColumns | None]:
    """The sequences of a file, and its columns (None of an archive)."""
    if path.suffix.lower() in ARCHIVES:
        columns.dialect.require_default(path, "an archive")
        return read_archive(path, False, fill), None
    return read_long(path, columns, False, fill)


@dataclass(frozen=True)
class VectorData:
    """Sequences, split into training, validation and test set."""

    train: Sequences
    validation: Sequences
    test: Sequences
    preprocessing: Preprocessing
    notes: tuple[str, ...]


def read_data(path: Path, options: GenerateVectorsOptions) -> VectorData:
    """Reads sequences of vectors, splits them, and learns the scales on the training set.

    Raises: `GatewiseError` with the position in the file.
    """
    table, file_columns = _read_table(path, options)
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    split = _split(table, options.split_column, fractions)
    binary = binary_channels(table)
    scales = tuple(
        Scale(0.0, 1.0) if channel in binary else scale
        for channel, scale in enumerate(table.scales(split.train))
    )
    preprocessing = Preprocessing(
        columns=file_columns,
        channels=table.channels,
        fill=options.fill,
        differences=options.differences,
        split_column=options.split_column,
        binary=binary,
        scales=scales,
        source=fingerprint(path),
        fractions=fractions,
        steps=int(np.median(table.sizes)),
    )
    return _divided(table, split, preprocessing, options.steps)


def read_further_data(
    path: Path, preprocessing: Preprocessing, options: GenerateVectorsOptions
) -> VectorData:
    """Sequences to train a model further on, with the scales of those it was trained on.

    Raises: `GatewiseError` if they have other channels.
    """
    table = preprocessing.table(path, with_sets=True)
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    split = _split(table, preprocessing.split_column, fractions)
    new = replace(preprocessing, source=fingerprint(path), fractions=fractions)
    return _divided(table, split, new, options.steps)


def _read_table(path: Path, options: GenerateVectorsOptions) -> tuple[SequenceTable, LongColumns | None]:
    """The sequences of a file, as the options ask for, and its columns (None of an archive)."""
    columns = LongColumns(
        options.id, options.time, None, options.channels, options.split_column, dialect=options.dialect
    )
    table, file_columns = read_vectors(path, columns, options.fill)
    if file_columns is None and options.split_column is not None:
        raise GatewiseError(f"an archive has no column {options.split_column!r}; leave --split-column out")
    table = require_steps(table, None if file_columns is None else "--id COLUMN")
    return (differences(table, options.differences) if options.differences else table), file_columns


def _split(table: SequenceTable, column: str | None, fractions: Fractions) -> Split:
    """The sets by the column that names them, or drawn at random."""
    if column is None:
        return random_split(len(table), fractions, table.path, "sequences")
    return split_by_column(table, column)


def _divided(table: SequenceTable, split: Split, preprocessing: Preprocessing, steps: int) -> VectorData:
    """The sets of a split. steps: the most of a training sequence, as in `cut_sequences`"""
    scales, column = preprocessing.scales, preprocessing.split_column
    sizes = "training set {} sequences, validation set {}, test set {}".format(*map(len, split))
    method = "at random" if column is None else f"by column {column!r}"
    described = _describe(table, preprocessing.binary, preprocessing.differences)
    train = some_sequences(*cut_sequences(table, split.train, steps), scales)
    validation, test = (some_sequences(table, numbers, scales) for numbers in split[1:])
    notes = (*table.notes, described, f"{sizes}, {method}")
    return VectorData(train, validation, test, preprocessing, notes)


def read_test_data(path: Path, preprocessing: Preprocessing) -> VectorData:
    """The test set of the data that a model was trained on, or all of other data."""
    is_training_data = fingerprint(path) == preprocessing.source
    table = preprocessing.table(path, with_sets=is_training_data)
    if not is_training_data:
        numbers, note = list(range(len(table))), "test set: all sequences"
    else:
        split = _split(table, preprocessing.split_column, preprocessing.fractions)
        numbers, note = split.test, f"{len(split.test)} sequences to test, which the model has not seen"
    empty, test = (some_sequences(table, rows, preprocessing.scales) for rows in ([], numbers))
    return VectorData(empty, empty, test, preprocessing, (*table.notes, note))


def some_sequences(
    table: SequenceTable, numbers: Sequence[int] | np.ndarray, scales: tuple[Scale, ...]
) -> Sequences:
    """Some sequences of a table, scaled."""
    return Sequences(table, numbers, np.zeros(len(numbers)), scales)


def _describe(table: SequenceTable, binary: tuple[int, ...], changes: tuple[str, ...]) -> str:
    sizes, real = table.sizes, len(table.channels) - len(binary)
    steps = f"{sizes.min()} to {sizes.max()} steps" if sizes.min() < sizes.max() else f"{sizes[0]} steps"
    changing = f"; the differences of {', '.join(changes)} are learned" if changes else ""
    return f"{len(table)} sequences of {steps}; binary channels: {len(binary)}, real: {real}{changing}"
