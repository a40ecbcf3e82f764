"""Sequences ready for regression, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gatewise.data.sequences.reading import (
    count,
    describe_sequences,
    describe_sizes,
    open_training_file,
)
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.series.scaling import Scale, learn_scale
from gatewise.data.splits import Fractions, Split, group_split, random_split
from gatewise.errors import GatewiseError
from gatewise.tasks.regress.options import RegressOptions
from gatewise.tasks.target_data import TargetData, TargetPreprocessing

FEW_VALUES, MANY_SEQUENCES = 5, 20  # few different whole numbers among many sequences may be classes


@dataclass(frozen=True, kw_only=True)
class Preprocessing(TargetPreprocessing):
    """How a model reads sequences. targets: the names of the K targets; target_scales: of each"""

    drawn = "drawn at random"
    targets: tuple[str, ...]
    target_scales: tuple[Scale, ...]

    @staticmethod
    def split(table: SequenceTable, fractions: Fractions) -> Split:
        """Sets drawn at random, with at least two training sequences, by group if they have groups."""
        fewest = 3 + (fractions.test > 0)
        if table.groups is None:
            return random_split(len(table), fractions, table.path, "sequences", minimum=fewest)
        return group_split(table.groups.tolist(), fractions, table.path, "groups", minimum=fewest)

    def sequences(self, path: Path) -> TargetSequences:
        """All sequences of a file, without targets."""
        return self.select(self.table(path, labelled=False))

    def select(
        self, table: SequenceTable, numbers: list[int] | None = None, weights: np.ndarray | None = None
    ) -> TargetSequences:
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
class RegressData(TargetData[Preprocessing]):
    """Sequences with numbers to predict."""

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
    split = Preprocessing.split(file.table, file.fractions)
    file = file.with_times(split.train) if options.irregular else file
    table = file.table
    preprocessing = Preprocessing(
        **vars(file.preprocessing(split.train)),
        targets=table.target_names,
        target_scales=_target_scales(table, split.train),
    )
    train, validation, test = preprocessing.sets(table, split)
    if file.test_file is not None:
        test = preprocessing.select(preprocessing.table(file.test_file))
    sizes = describe_sizes(
        table, (len(train), len(validation), len(test)), Preprocessing.drawn, file.test_file
    )
    return RegressData(train, validation, test, preprocessing, (*table.notes, *_describe(table), sizes))


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
