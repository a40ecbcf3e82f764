"""Sequences ready for classification, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gatewise.data.fingerprint import fingerprint
from gatewise.data.sequences.irregular import with_learned_times
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.plausible import require_classes, require_steps
from gatewise.data.sequences.reading import (
    SequencePreprocessing,
    describe_sequences,
    find_test_file,
    read_sequences,
    refuse_columns,
    split_weights,
)
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.sequences.spool import row_blocks
from gatewise.data.sequences.weights import balancing_weights, relative_weights
from gatewise.data.splits import Fractions, Split
from gatewise.data.stratified import stratified_folds, stratified_group_split, stratified_split
from gatewise.errors import GatewiseError
from gatewise.tasks.classification import ClassData
from gatewise.tasks.classify.options import ClassifyOptions


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
    columns = LongColumns(
        options.id,
        options.time,
        options.label,
        options.channels,
        weight=options.weight,
        group=options.group,
        dialect=options.dialect,
        wide=options.wide,
    )
    refuse_columns(path, columns)
    table, file_columns = read_sequences(path, columns, options.fill)
    table = require_steps(table, None if file_columns is None else "--id COLUMN", "--wide rows")
    labels = _labels(table)
    require_classes(str(path), table.classes, len(table), "sequences")
    test_file = find_test_file(path, options.test_file)
    test_fraction = 0.0 if test_file else options.test_fraction
    fractions = Fractions(options.validation_fraction, test_fraction)
    try:
        train, validation, test = _split(table, labels, fractions)
    except GatewiseError as error:
        raise GatewiseError(f"{path}: {error}") from error
    if options.irregular:
        table = with_learned_times(table, table.slices(train))
    weights = split_weights(table, train, validation)
    if options.class_weights == "balanced":
        weights = relative_weights(balancing_weights(labels, np.array(train), weights))
    preprocessing = Preprocessing(
        columns=file_columns and replace(file_columns, weight=None),  # new data need no weights
        fill=options.fill,
        classes=table.classes,
        scales=table.scales(train),
        source=fingerprint(path),
        has_test_file=bool(test_file),
        fractions=fractions,
        unit_of_time=table.unit_of_time,
    )

    def select(
        numbers: list[int], weights: np.ndarray | None = None, folds: np.ndarray | None = None
    ) -> Sequences:
        selected_weights = None if weights is None else weights[numbers]
        return Sequences(table, numbers, labels[numbers], preprocessing.scales, selected_weights, folds)

    tested = preprocessing.labelled(preprocessing.table(test_file)) if test_file else select(test)
    sizes = f"training set {len(train)}, validation set {len(validation)}, test set {len(tested)} sequences"
    notes = [
        *table.notes,
        f"{describe_sequences(table)}, of {len(table.classes)} classes",
        f"{sizes}{f': {test_file}' if test_file else _describe_split(table)}",
        *_note_small_classes(table, labels, train, validation),
    ]
    both = sorted([*train, *validation])
    folds = _folds(table, labels, both, options)
    if folds is not None:
        notes.append(
            f"networks: {folds.max() + 1} folds of the training and validation sets, {len(both)} sequences; "
            "each network is trained on all folds but one"
        )
    return ClassData(
        train=select(train, weights),
        validation=select(validation, weights),
        test=tested,
        preprocessing=preprocessing,
        notes=tuple(notes),
        folded=None if folds is None else select(both, weights, folds),
    )


def read_test_data(path: Path, preprocessing: Preprocessing) -> ClassifyData:
    """The test set of the data that a model was trained on, or all of other data.

    Raises: `GatewiseError` if the model was trained on all of them.
    """
    is_training_data = fingerprint(path) == preprocessing.source
    table = preprocessing.table(path, grouped=is_training_data)
    if not is_training_data:
        test = preprocessing.labelled(table)
        notes = (*table.notes, f"the test set is all {len(test)} sequences")
    elif preprocessing.has_test_file:
        raise GatewiseError(f"the model was trained on all of {path}; give data it has not seen")
    else:
        labels = _labels(table)
        numbers = _split(table, labels, preprocessing.fractions).test
        test = Sequences(table, numbers, labels[numbers], preprocessing.scales)
        notes = (*table.notes, f"the test set is {len(test)} sequences that the model has not seen")
    empty = Sequences(table, [], [], preprocessing.scales)
    return ClassData(empty, empty, test, preprocessing, notes)


def read_further_data(path: Path, preprocessing: Preprocessing, options: ClassifyOptions) -> ClassifyData:
    """Sequences to train a model further on, with the scales and the classes of those it was trained on.

    The split of the same file is that of the earlier training.

    Raises: `GatewiseError` if a sequence is of an unknown class, or the model was trained on the whole file.
    """
    if fingerprint(path) == preprocessing.source and preprocessing.has_test_file:
        raise GatewiseError(f"the model was trained on all of {path}; give data it has not seen")
    table = preprocessing.table(path, grouped=options.group is not None)
    whole = preprocessing.labelled(table)
    labels = whole.labels.numpy()
    try:
        split = _split(table, labels, Fractions(options.validation_fraction, options.test_fraction))
    except GatewiseError as error:
        raise GatewiseError(f"{path}: {error}") from error
    weights = None
    if options.class_weights == "balanced":
        weights = relative_weights(balancing_weights(labels, np.array(split.train), None))

    def select(numbers: list[int], weights: np.ndarray | None = None) -> Sequences:
        own = None if weights is None else weights[numbers]
        return Sequences(table, numbers, labels[numbers], preprocessing.scales, own)

    train, validation = select(split.train, weights), select(split.validation, weights)
    test = select(split.test)
    sizes = f"training set {len(train)}, validation set {len(validation)}, test set {len(test)} sequences"
    notes = (*table.notes, f"{sizes}{_describe_split(table)}")
    new = replace(
        preprocessing,
        source=fingerprint(path),
        has_test_file=False,
        fractions=Fractions(options.validation_fraction, options.test_fraction),
    )
    return ClassData(train, validation, test, new, notes)


def _split(table: SequenceTable, labels: np.ndarray, fractions: Fractions) -> Split:
    """The split of the sequences: by class, and by group if they have groups."""
    if table.groups is None:
        return stratified_split(labels, fractions)
    return stratified_group_split(labels, table.groups.tolist(), fractions)


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


def _describe_split(table: SequenceTable) -> str:
    if table.groups is None:
        return ", stratified by class"
    return f", stratified by class, none of {len(np.unique(table.groups))} groups in two sets"


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


def _note_small_classes(
    table: SequenceTable, labels: np.ndarray, train: list[int], validation: list[int]
) -> list[str]:
    """A note on classes with too few sequences, or groups, to be in every split."""
    if table.groups is None:
        about, numbers = "too few sequences to split, so all in the training set", validation
    else:
        about, numbers = "in too few groups to be learned, so in none of the training set", train
    small = [table.classes[number] for number in np.setdiff1d(labels, labels[numbers])]
    names = ", ".join(small[:5]) + (" ..." if len(small) > 5 else "")
    return [f"{about}: {names}"] if small else []
