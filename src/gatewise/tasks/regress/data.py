"""Sequences ready for regression, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gatewise.data.sequences.reading import (
    SequencePreprocessing,
    count,
    describe_sequences,
    describe_sizes,
    describe_test_set,
    open_training_file,
    split_weights,
)
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.series.scaling import Scale, learn_scale
from gatewise.data.splits import Fractions, Split, group_split, random_split
from gatewise.errors import GatewiseError
from gatewise.tasks.regress.options import RegressOptions

AT_RANDOM = "drawn at random"
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
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    columns = replace(options.columns, targets=options.target)
    file = open_training_file(path, columns, options.fill, options.test_file, fractions, numeric=True)
    split = _split(file.table, file.fractions)
    file = file.with_times(split.train) if options.irregular else file
    table = file.table
    weights = split_weights(table, split)
    preprocessing = Preprocessing(
        **vars(file.preprocessing(split.train)),
        targets=table.target_names,
        target_scales=_target_scales(table, split.train),
    )
    train, validation, test = (
        preprocessing.scaled(table, numbers, own)
        for numbers, own in zip(split, (weights, weights, None), strict=True)
    )
    if file.test_file is not None:
        test = preprocessing.scaled(preprocessing.table(file.test_file))
    sizes = describe_sizes(table, (len(train), len(validation), len(test)), AT_RANDOM, file.test_file)
    return RegressData(train, validation, test, preprocessing, (*table.notes, *_describe(table), sizes))


def read_test_data(path: Path, preprocessing: Preprocessing) -> RegressData:
    """The test set of the data that a model was trained on, or all of other data.

    Raises: `GatewiseError` if the model was trained on all of them.
    """
    table, is_training_data = preprocessing.test_table(path)
    numbers = _split(table, preprocessing.fractions).test if is_training_data else None
    test, empty = preprocessing.scaled(table, numbers), preprocessing.scaled(table, [])
    notes = (*table.notes, describe_test_set(len(test), is_training_data))
    return RegressData(empty, empty, test, preprocessing, notes)


def read_further_data(path: Path, preprocessing: Preprocessing, options: RegressOptions) -> RegressData:
    """Sequences to train a model further on, scaled as those it was trained on.

    The split of the same file is that of the earlier training.

    Raises: `GatewiseError` if the model was trained on the whole file.
    """
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    table = preprocessing.further_table(path, options.group, options.weight)
    split = _split(table, fractions)
    weights = split_weights(table, split)
    train, validation, test = (
        preprocessing.scaled(table, numbers, own)
        for numbers, own in zip(split, (weights, weights, None), strict=True)
    )
    sizes = describe_sizes(table, (len(train), len(validation), len(test)), AT_RANDOM)
    return RegressData(train, validation, test, preprocessing.further(path, fractions), (*table.notes, sizes))


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
