"""Sequences with sets of labels, and how a trained model reads new ones."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from gatewise.data.multilabel_split import multilabel_folds, multilabel_split
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.plausible import require_classes
from gatewise.data.sequences.reading import (
    describe_sequences,
    describe_sizes,
    open_training_file,
)
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.sequences.weights import balancing_target_weights
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions, Split
from gatewise.errors import GatewiseError
from gatewise.tasks.classify_multilabel.options import MultilabelOptions
from gatewise.tasks.sequence_classifiers import describe_folds
from gatewise.tasks.target_data import TargetData, TargetPreprocessing

LABELS_SHOWN = 8  # in a note
SEPARATORS = set(",;|/+&")  # usual ones
PLAIN = Scale(0.0, 1.0)  # of labels, which are 0 or 1


@dataclass(frozen=True, kw_only=True)
class Preprocessing(TargetPreprocessing):
    """How a model reads sequences. classes: the names of the L labels"""

    drawn = "stratified by label"
    classes: tuple[str, ...]

    @property
    def has_label_columns(self) -> bool:
        """Whether the data have a column of 0 and 1 for each label, as arrays have; else one of sets."""
        return self.columns is None or len(self.columns.targets) > 1

    @property
    def table_columns(self) -> LongColumns:
        return self.columns or LongColumns(targets=self.classes, multilabel=True)

    @staticmethod
    def split(table: SequenceTable, fractions: Fractions) -> Split:
        """The split of the sequences: by label, and by group if they have groups. Raises: `GatewiseError`."""
        assert table.targets is not None
        groups = None if table.groups is None else table.groups.tolist()
        try:
            return multilabel_split(table.targets, fractions, groups)
        except GatewiseError as error:
            raise GatewiseError(f"{table.path}: {error}") from error

    def unlabelled(self, path: Path) -> TargetSequences:
        """All sequences of a file, without labels."""
        return self._sequences(self.table(path, labelled=False))

    def select(
        self, table: SequenceTable, numbers: list[int] | None = None, weights: np.ndarray | None = None
    ) -> TargetSequences:
        return self._sequences(self.in_order(table), numbers, weights)

    def in_order(self, table: SequenceTable) -> SequenceTable:
        """The table with the labels in the order of `classes`. Raises: `GatewiseError` if one is unknown."""
        assert table.targets is not None
        targets = np.zeros((len(table), len(self.classes)))
        for column, name in zip(table.targets.T, table.target_names, strict=True):
            if name not in self.classes:
                place = table.place(int(table.offsets[column.argmax()]))
                raise GatewiseError(
                    f"{table.path}, {place}: the label {name!r} was not in training; it had "
                    f"{', '.join(self.classes)}"
                )
            targets[:, self.classes.index(name)] = column
        return replace(table, targets=targets, target_names=self.classes)

    def _sequences(
        self, table: SequenceTable, numbers: list[int] | None = None, weights: np.ndarray | None = None
    ) -> TargetSequences:
        chosen = list(range(len(table))) if numbers is None else numbers
        selected = None if weights is None else weights[chosen]
        return TargetSequences(table, chosen, self.scales, (PLAIN,) * len(self.classes), selected)


@dataclass(frozen=True)
class MultilabelData(TargetData[Preprocessing]):
    """Sequences with sets of labels.

    folded: the training and validation sets together, with the fold of each; None without cross-validation
    """

    folded: TargetSequences | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels, by number."""
        return self.preprocessing.classes


def read_data(path: Path, options: MultilabelOptions) -> MultilabelData:
    """Reads a file of sequences, splits it by label, and learns the scales on the training set.

    Raises: `GatewiseError` with the position in the file.
    """
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    file = open_training_file(path, options.columns, options.fill, options.test_file, fractions, numeric=True)
    _require_label_sets(file.table, options.label_separator)
    split = Preprocessing.split(file.table, file.fractions)
    _require_learnable(file.table, split.train)
    file = file.with_times(split.train) if options.irregular else file
    table = file.table
    preprocessing = Preprocessing(**vars(file.preprocessing(split.train)), classes=table.target_names)
    train, validation, test = preprocessing.sets(table, split)
    if file.test_file is not None:
        test = preprocessing.select(preprocessing.table(file.test_file))
    if options.class_weights == "balanced":
        train, validation = balanced(table, split, train), balanced(table, split, validation)
    folded = None if options.folds == 1 else _folded(table, train.joined(validation), options.folds)
    sizes = describe_sizes(
        table, (len(train), len(validation), len(test)), Preprocessing.drawn, file.test_file
    )
    notes = (*table.notes, describe_sequences(table), *_describe_labels(table), sizes)
    if folded is not None:
        notes = (*notes, describe_folds(options.folds, len(folded)))
    return MultilabelData(train, validation, test, preprocessing, notes, folded)


def read_further_data(path: Path, preprocessing: Preprocessing, options: MultilabelOptions) -> MultilabelData:
    """Sequences to train a model further on, as by `TargetData.to_train_further`, with weights of labels."""
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    data = MultilabelData.to_train_further(path, preprocessing, options, fractions)
    if options.class_weights == "equal":
        return data
    split = Split(*(one.numbers.tolist() for one in (data.train, data.validation, data.test)))
    train, validation = (balanced(one.table, split, one) for one in (data.train, data.validation))
    return replace(data, train=train, validation=validation)


def balanced(table: SequenceTable, split: Split, sequences: TargetSequences) -> TargetSequences:
    """Some sequences of a table, with weights by which each label counts as much present as absent."""
    assert table.targets is not None
    weights = balancing_target_weights(table.targets, np.array(split.train), table.weights)
    found = copy(sequences)
    found.target_weights = torch.from_numpy(weights[sequences.numbers]).float()
    return found


def _folded(table: SequenceTable, both: TargetSequences, count: int) -> TargetSequences:
    """Sequences with their folds. Raises: `GatewiseError` if a fold is left without any."""
    assert table.targets is not None
    groups = None if table.groups is None else table.groups[both.numbers].tolist()
    try:
        folds = multilabel_folds(table.targets[both.numbers], count, groups)
    except GatewiseError as error:
        raise GatewiseError(f"{table.path}: {error}; give fewer --folds") from error
    found = copy(both)
    found.folds = torch.from_numpy(folds)
    return found


def _require_label_sets(table: SequenceTable, separator: str | None) -> None:
    """Raises: `GatewiseError` if the labels are classes, names or measurements, or there is one only."""
    assert table.targets is not None
    names, counts = table.target_names, table.targets.sum(1)
    joined = next((name for name in names if set(name) & SEPARATORS), None)
    if separator is not None and (counts <= 1).all() and (joined is not None or counts.all()):
        raise GatewiseError(
            f"{table.path}: no label has the separator {separator!r}, such as {(joined or names[0])[:30]!r}; "
            "give another --label-separator, or none if each sequence has one class"
        )
    if len(names) < 2:
        raise GatewiseError(
            f"{table.path}: expected two or more labels, got {names[0] if names else 'none'}; one label "
            "alone is a class: name its column of 0 and 1 alone"
        )
    require_classes(table.path, names, int(counts.sum()), "labels of sequences")


def _require_learnable(table: SequenceTable, train: list[int]) -> None:
    """Raises: `GatewiseError` if no training sequence has a label."""
    assert table.targets is not None
    absent = ~table.targets[train].any(0)
    if absent.any():
        name = table.target_names[int(absent.argmax())]
        raise GatewiseError(
            f"{table.path}: none of the {len(train)} training sequences has the label {name!r}: there is "
            "nothing to learn; leave it out, or give more sequences with it"
        )


def _describe_labels(table: SequenceTable) -> list[str]:
    """Notes on how many sequences have each label, and none, and on labels that all have."""
    assert table.targets is not None
    names, counts = table.target_names, table.targets.sum(0).astype(int)
    shown = [f"{name} {count}" for name, count in zip(names, counts, strict=True)][:LABELS_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    without = int((table.targets.sum(1) == 0).sum())
    notes = [f"sequences by label: {', '.join(shown)}{more}; without a label: {without}"]
    if common := [name for name, count in zip(names, counts, strict=True) if count == len(table)]:
        notes.append(
            f"every sequence has these labels, which are easily right: {', '.join(common[:LABELS_SHOWN])}"
        )
    return notes
