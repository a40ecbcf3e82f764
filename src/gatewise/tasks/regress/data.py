"""Sequences ready for regression, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gatewise.data.fingerprint import fingerprint
from gatewise.data.sequences.irregular import with_learned_times
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.plausible import require_steps
from gatewise.data.sequences.reading import (
    SequencePreprocessing,
    count,
    describe_sequences,
    find_test_file,
    read_sequences,
    refuse_columns,
    split_weights,
)
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.series.scaling import Scale, learn_scale
from gatewise.data.splits import Fractions, Split, group_split, random_split
from gatewise.errors import GatewiseError
from gatewise.tasks.regress.options import RegressOptions

FEW_VALUES, MANY_SEQUENCES = 5, 20  # few different whole numbers among many sequences may be classes


@dataclass(frozen=True, kw_only=True)
class Preprocessing(SequencePreprocessing):
    """How a model reads sequences. targets: the names of the K targets; target_scales: of each"""

    numeric = True
    targets: tuple[str, ...]
    target_scales: tuple[Scale, ...]

    def sequences(self, path: Path) -> TargetSequences:
        """All sequences of a file, without targets."""
        return self.scaled(self.table(path, labelled=False))

    def scaled(
        self, table: SequenceTable, numbers: list[int] | None = None, weights: np.ndarray | None = None
    ) -> TargetSequences:
        """Some sequences of a table, by default all. weights: [N], of all sequences of the table

        Raises: `GatewiseError` if they have another number of targets.
        """
        if table.targets is not None and table.targets.shape[1] != len(self.targets):
            raise GatewiseError(
                f"{table.path} has {count(table.targets.shape[1], 'target')}; the model predicts "
                f"{len(self.targets)}"
            )
        chosen = list(range(len(table))) if numbers is None else numbers
        selected = None if weights is None else weights[chosen]
        return TargetSequences(table, chosen, self.scales, self.target_scales, selected)

    def in_data_units(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled targets [N, K] in the units of the data."""
        columns = zip(self.target_scales, scaled.T, strict=True)
        return np.stack([scale.undo(column) for scale, column in columns], axis=1)


@dataclass(frozen=True)
class RegressData:
    """Sequences with targets, in three sets; the training set is empty if a model is only evaluated.

    preprocessing: how they were read; notes: on the data and their split
    """

    train: TargetSequences
    validation: TargetSequences
    test: TargetSequences
    preprocessing: Preprocessing
    notes: tuple[str, ...]

    @property
    def error_units(self) -> np.ndarray:
        """[K]: the units of errors: that of the data for one target, else the standard deviation of each."""
        scales = self.preprocessing.target_scales
        return np.array([one.deviation if len(scales) > 1 else 1.0 for one in scales])


def read_data(path: Path, options: RegressOptions) -> RegressData:
    """Reads a file of sequences, splits it at random, and learns the scales on the training set.

    Raises: `GatewiseError` with the position in the file.
    """
    columns = LongColumns(
        id=options.id,
        time=options.time,
        channels=options.channels,
        weight=options.weight,
        group=options.group,
        dialect=options.dialect,
        wide=options.wide,
        targets=options.target,
    )
    refuse_columns(path, columns)
    table, file_columns = read_sequences(path, columns, options.fill, numeric=True)
    table = require_steps(table, None if file_columns is None else "--id COLUMN", "--wide rows")
    test_file = find_test_file(path, options.test_file)
    fractions = Fractions(options.validation_fraction, 0.0 if test_file else options.test_fraction)
    train, validation, test = _split(table, fractions)
    if options.irregular:
        table = with_learned_times(table, table.slices(train))
    weights = split_weights(table, train, validation)
    preprocessing = Preprocessing(
        columns=file_columns and replace(file_columns, weight=None),  # new data need no weights
        fill=options.fill,
        targets=table.target_names,
        scales=table.scales(train),
        target_scales=_target_scales(table, train),
        source=fingerprint(path),
        has_test_file=bool(test_file),
        fractions=fractions,
        unit_of_time=table.unit_of_time,
    )
    tested = preprocessing.table(test_file) if test_file else table
    test_set = preprocessing.scaled(tested, None if test_file else test)
    train_set, validation_set = (preprocessing.scaled(table, part, weights) for part in (train, validation))
    sizes = _describe_sizes(table, (train_set, validation_set, test_set), test_file)
    return RegressData(
        train_set, validation_set, test_set, preprocessing, (*table.notes, *_describe(table), sizes)
    )


def read_test_data(path: Path, preprocessing: Preprocessing) -> RegressData:
    """The test set of the data that a model was trained on, or all of other data.

    Raises: `GatewiseError` if the model was trained on all of them.
    """
    is_training_data = fingerprint(path) == preprocessing.source
    table = preprocessing.table(path, grouped=is_training_data)
    if is_training_data and preprocessing.has_test_file:
        raise GatewiseError(f"the model was trained on all of {path}; give data it has not seen")
    if is_training_data:
        test = preprocessing.scaled(table, _split(table, preprocessing.fractions).test)
        notes = (*table.notes, f"the test set is {len(test)} sequences that the model has not seen")
    else:
        test = preprocessing.scaled(table)
        notes = (*table.notes, f"the test set is all {len(test)} sequences")
    empty = preprocessing.scaled(table, [])
    return RegressData(empty, empty, test, preprocessing, notes)


def read_further_data(path: Path, preprocessing: Preprocessing, options: RegressOptions) -> RegressData:
    """Sequences to train a model further on, scaled as those it was trained on.

    The split of the same file is that of the earlier training.

    Raises: `GatewiseError` if the model was trained on the whole file.
    """
    if fingerprint(path) == preprocessing.source and preprocessing.has_test_file:
        raise GatewiseError(f"the model was trained on all of {path}; give data it has not seen")
    table = preprocessing.table(path, grouped=options.group is not None)
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    train, validation, test = (preprocessing.scaled(table, part) for part in _split(table, fractions))
    notes = (*table.notes, _describe_sizes(table, (train, validation, test)))
    new = replace(preprocessing, source=fingerprint(path), has_test_file=False, fractions=fractions)
    return RegressData(train, validation, test, new, notes)


def _split(table: SequenceTable, fractions: Fractions) -> Split:
    """The sets, drawn at random, with at least two training sequences, and by group if they have groups."""
    fewest = 3 + (fractions.test > 0)
    if table.groups is None:
        return random_split(len(table), fractions, table.path, "sequences", minimum=fewest)
    return group_split(table.groups.tolist(), fractions, table.path, "groups", minimum=fewest)


def _target_scales(table: SequenceTable, train: list[int]) -> tuple[Scale, ...]:
    """The scale of each target. Raises: `GatewiseError` if one is constant in the training set."""
    assert table.targets is not None
    for name, values in zip(table.target_names, table.targets[train].T, strict=True):
        if np.ptp(values) == 0:
            raise GatewiseError(
                f"{table.path}: the target {name!r} is {values[0]:g} in all {len(train)} sequences of the "
                "training set: there is nothing to learn"
            )
    return tuple(learn_scale(values) for values in table.targets[train].T)


def _describe_sizes(
    table: SequenceTable, sets: tuple[TargetSequences, ...], test_file: Path | None = None
) -> str:
    """The sizes of the training, validation and test sets, and how they were drawn."""
    train, validation, test = map(len, sets)
    how = f": {test_file}" if test_file else ", drawn at random"
    groups = "" if table.groups is None else f", none of {len(np.unique(table.groups))} groups in two sets"
    return f"training set {train}, validation set {validation}, test set {test} sequences{how}{groups}"


def _describe(table: SequenceTable) -> list[str]:
    """Notes on the sequences and on each target."""
    assert table.targets is not None
    notes = [describe_sequences(table)]
    for name, values in zip(table.target_names, table.targets.T, strict=True):
        notes.append(f"target {name!r}: from {values.min():.6g} to {values.max():.6g}")
        different = np.unique(values)
        is_whole = (different == different.round()).all()
        if len(different) <= FEW_VALUES and len(values) >= MANY_SEQUENCES and is_whole:
            notes.append(
                f"target {name!r} has {len(different)} different values, all whole numbers: if they are "
                "classes, use the task classify"
            )
    return notes
