"""Sequences ready for classification, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from gatewise.data.sequences.plausible import require_classes
from gatewise.data.sequences.reading import (
    SequencePreprocessing,
    describe_sequences,
    describe_sizes,
    describe_test_set,
    open_training_file,
    split_weights,
)
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.sequences.spool import row_blocks
from gatewise.data.sequences.weights import balancing_weights, relative_weights
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions, Split
from gatewise.data.stratified import stratified_folds, stratified_group_split, stratified_split
from gatewise.errors import GatewiseError
from gatewise.tasks.classification import ClassData
from gatewise.tasks.classify.options import ClassifyOptions
from gatewise.tasks.sequence_classifiers import describe_folds

STRATIFIED = "stratified by class"


@dataclass(frozen=True, kw_only=True)
class Preprocessing(SequencePreprocessing):
    """How a model reads sequences. classes: in the order of their numbers"""

    classes: tuple[str, ...]

    def unlabelled(self, path: Path) -> Sequences:
        """Reads all sequences of a file without labels."""
        table = self.table(path, labelled=False)
        return Sequences(table, np.arange(len(table)), np.zeros(len(table)), self.scales)

    def labelled(self, table: SequenceTable) -> Sequences:
        """All sequences of a table. Raises: `GatewiseError` if one is of an unknown class."""
        labels, class_numbers = _labels(table), {name: number for number, name in enumerate(self.classes)}
        for number, label in enumerate(labels):
            if table.classes[label] not in class_numbers:
                raise GatewiseError(
                    f"{table.path}, {table.place(int(table.offsets[number]))}: the class "
                    f"{table.classes[label]!r} was not in training; it had {', '.join(self.classes)}"
                )
        numbers = [class_numbers[table.classes[label]] for label in labels]
        return Sequences(table, np.arange(len(table)), numbers, self.scales)


ClassifyData = ClassData[Sequences, Preprocessing]


def read_data(path: Path, options: ClassifyOptions) -> ClassifyData:
    """Reads a file of sequences, splits it by class, and learns the scales on the training set.

    Raises: `GatewiseError` with the position in the file.
    """
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    columns = replace(options.columns, label=options.label)
    file = open_training_file(path, columns, options.fill, options.test_file, fractions)
    labels = _labels(file.table)
    require_classes(str(path), file.table.classes, len(file.table), "sequences")
    split = _split(file.table, labels, file.fractions)
    file = file.with_times(split.train) if options.irregular else file
    table = file.table
    both = sorted([*split.train, *split.validation])
    folds = _folds(table, labels, both, options)
    weights = _weights(table, labels, split, options)
    preprocessing = Preprocessing(**vars(file.preprocessing(split.train)), classes=table.classes)
    select = partial(_select, table, labels, preprocessing.scales)
    if file.test_file is None:
        test = select(split.test)
    else:
        test = preprocessing.labelled(preprocessing.table(file.test_file))
    sizes = len(split.train), len(split.validation), len(test)
    notes = (
        *table.notes,
        f"{describe_sequences(table)}, of {len(table.classes)} classes",
        describe_sizes(table, sizes, STRATIFIED, file.test_file),
        *_note_small_classes(table, labels, split),
        *([] if folds is None else [describe_folds(options.folds, len(both))]),
    )
    train, validation = (select(numbers, weights) for numbers in (split.train, split.validation))
    folded = None if folds is None else select(both, weights, folds)
    return ClassData(train, validation, test, preprocessing, notes, folded)


def read_test_data(path: Path, preprocessing: Preprocessing) -> ClassifyData:
    """The test set of the data that a model was trained on, or all of other data.

    Raises: `GatewiseError` if the model was trained on all of them.
    """
    table, is_training_data = preprocessing.test_table(path)
    if is_training_data:
        labels = _labels(table)
        numbers = _split(table, labels, preprocessing.fractions).test
        test = _select(table, labels, preprocessing.scales, numbers)
    else:
        test = preprocessing.labelled(table)
    empty = Sequences(table, [], [], preprocessing.scales)
    notes = (*table.notes, describe_test_set(len(test), is_training_data))
    return ClassData(empty, empty, test, preprocessing, notes)


def read_further_data(path: Path, preprocessing: Preprocessing, options: ClassifyOptions) -> ClassifyData:
    """Sequences to train a model further on, with the scales and the classes of those it was trained on.

    The split of the same file is that of the earlier training.

    Raises: `GatewiseError` if a sequence is of an unknown class, or the model was trained on the whole file.
    """
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    table = preprocessing.further_table(path, options.group, options.weight)
    labels = preprocessing.labelled(table).labels.numpy()
    split = _split(table, labels, fractions)
    weights = _weights(table, labels, split, options)
    select = partial(_select, table, labels, preprocessing.scales)
    train, validation = (select(numbers, weights) for numbers in (split.train, split.validation))
    test = select(split.test)
    notes = (*table.notes, describe_sizes(table, (len(train), len(validation), len(test)), STRATIFIED))
    return ClassData(train, validation, test, preprocessing.further(path, fractions), notes)


def _select(
    table: SequenceTable,
    labels: np.ndarray,
    scales: tuple[Scale, ...],
    numbers: list[int],
    weights: np.ndarray | None = None,
    folds: np.ndarray | None = None,
) -> Sequences:
    """Some sequences of a table. labels, weights: [N], of all; folds: of those that are selected"""
    selected = None if weights is None else weights[numbers]
    return Sequences(table, numbers, labels[numbers], scales, selected, folds)


def _weights(
    table: SequenceTable, labels: np.ndarray, split: Split, options: ClassifyOptions
) -> np.ndarray | None:
    """[N]: the weights of the sequences, and those that balance the classes; None if all are equal."""
    weights = split_weights(table, split)
    if options.class_weights == "balanced":
        return relative_weights(balancing_weights(labels, np.array(split.train), weights))
    return weights


def _split(table: SequenceTable, labels: np.ndarray, fractions: Fractions) -> Split:
    """The split of the sequences: by class, and by group if they have groups. Raises: `GatewiseError`."""
    try:
        if table.groups is None:
            return stratified_split(labels, fractions)
        return stratified_group_split(labels, table.groups.tolist(), fractions)
    except GatewiseError as error:
        raise GatewiseError(f"{table.path}: {error}") from error


def _folds(
    table: SequenceTable, labels: np.ndarray, numbers: list[int], options: ClassifyOptions
) -> np.ndarray | None:
    """The folds of some sequences, by class, and by group if they have groups; None for one validation set.

    Raises: `GatewiseError` if there are fewer sequences or groups than folds.
    """
    if options.folds == 1:
        return None
    groups = None if table.groups is None else table.groups[numbers].tolist()
    try:
        return stratified_folds(labels[numbers], options.folds, groups)
    except GatewiseError as error:
        raise GatewiseError(f"{table.path}: {error}; give fewer --folds") from error


def _labels(table: SequenceTable) -> np.ndarray:
    """[N]: the label of each sequence. Raises: `GatewiseError` if its rows have several."""
    assert table.labels is not None
    first = np.asarray(table.labels[table.offsets[:-1]])
    for block in row_blocks(len(table.labels)):
        sequences = np.searchsorted(table.offsets, np.arange(block.start, block.stop), side="right") - 1
        differs = table.labels[block] != first[sequences]
        if differs.any():
            row = block.start + int(differs.argmax())
            sequence = sequences[row - block.start]
            begin = int(table.offsets[sequence])
            conflict = " and ".join(
                f"of class {table.classes[table.labels[number]]!r} in {table.place(number)}"
                for number in (begin, row)
            )
            raise GatewiseError(
                f"{table.path}: sequence {table.ids[sequence]!r} is {conflict}; a sequence has one class "
                "(for a label of each step there is gatewise train label)"
            )
    return first


def _note_small_classes(table: SequenceTable, labels: np.ndarray, split: Split) -> list[str]:
    """A note on classes with too few sequences, or groups, to be in every split."""
    if table.groups is None:
        about, numbers = "too few sequences to split, so all in the training set", split.validation
    else:
        about, numbers = "in too few groups to be learned, so in none of the training set", split.train
    small = [table.classes[number] for number in np.setdiff1d(labels, labels[numbers])]
    names = ", ".join(small[:5]) + (" ..." if len(small) > 5 else "")
    return [f"{about}: {names}"] if small else []
