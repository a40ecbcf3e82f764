"""Sequences ready for classification, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from gatewise.data.fingerprint import fingerprint
from gatewise.data.sequences.archives import ARCHIVES, read_archive
from gatewise.data.sequences.long_table import Fill, LongColumns, read_long
from gatewise.data.sequences.plausible import require_classes, require_steps
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.sequences.spool import row_blocks
from gatewise.data.sequences.weights import balancing_weights, relative_weights
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions, Split
from gatewise.data.stratified import stratified_folds, stratified_group_split, stratified_split
from gatewise.errors import GatewiseError
from gatewise.tasks.classification import ClassData
from gatewise.tasks.classify.options import ClassifyOptions


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads sequences.

    source: the fingerprint of the training data
    has_test_file: whether the test set was another file
    """

    columns: LongColumns | None
    fill: Fill | None
    classes: tuple[str, ...]
    scales: tuple[Scale, ...]
    source: str
    has_test_file: bool
    fractions: Fractions

    def table(self, path: Path, labelled: bool = True, grouped: bool = False) -> SequenceTable:
        """Reads a file of sequences, its labels if `labelled`, and its groups if `grouped`.

        Raises: `GatewiseError` if it has another number of channels.
        """
        columns = self.columns or LongColumns()
        columns = columns if labelled else replace(columns, label=None)
        columns = columns if grouped else replace(columns, group=None)
        table, _ = _read(path, columns, self.fill, labelled)
        if len(table.channels) != len(self.scales):
            raise GatewiseError(
                f"{path} has sequences of {_count(len(table.channels), 'channel')}; the model expects "
                f"{len(self.scales)}"
            )
        return table

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
    )
    for name, value in asdict(columns).items():
        if value and name != "dialect" and path.suffix.lower() in ARCHIVES:
            raise GatewiseError(f"{path} is an archive without column names; leave --{name} out")
    table, file_columns = _read(path, columns, options.fill)
    table = require_steps(table, None if file_columns is None else "--id COLUMN")
    labels = _labels(table)
    require_classes(str(path), table.classes, len(table), "sequences")
    test_file = Path(options.test_file) if options.test_file else _find_test_file(path)
    if test_file and test_file.is_file() and test_file.samefile(path):
        raise GatewiseError(f"{path} is the training data; give another --test-file, or none")
    test_fraction = 0.0 if test_file else options.test_fraction
    fractions = Fractions(options.validation_fraction, test_fraction)
    try:
        train, validation, test = _split(table, labels, fractions)
    except GatewiseError as error:
        raise GatewiseError(f"{path}: {error}") from error
    weights = _weights(table, train, validation)
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
        _describe(table),
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


def _read(
    path: Path, columns: LongColumns, fill: Fill | None, labelled: bool = True
) -> tuple[SequenceTable, LongColumns | None]:
    """Reads a file of sequences; returns the recognized columns too, None for an archive."""
    if path.suffix.lower() in ARCHIVES:
        columns.dialect.require_default(path, "an archive")
        return read_archive(path, labelled, fill), None
    return read_long(path, columns, labelled, fill)


def _weights(table: SequenceTable, train: list[int], validation: list[int]) -> np.ndarray | None:
    """[N]: the weights of the sequences; None if they are equal.

    Raises: `GatewiseError` if all weights of a set are zero.
    """
    for name, numbers in (("training", train), ("validation", validation)):
        if table.weights is not None and not table.weights[numbers].any():
            raise GatewiseError(f"{table.path}: all weights in the {name} set are zero; give positive ones")
    return relative_weights(table.weights)


def _find_test_file(path: Path) -> Path | None:
    """The test file of an archive that has separate files for the training and test sets."""
    test_path = path.with_name(path.name.replace("_TRAIN", "_TEST"))
    return test_path if test_path != path and test_path.is_file() else None


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


def _describe(table: SequenceTable) -> str:
    """Describes the number, lengths, channels and classes of the sequences."""
    shortest, longest = int(table.sizes.min()), int(table.sizes.max())
    steps = f"{shortest} to {longest} steps" if shortest < longest else _count(longest, "step")
    return (
        f"{len(table)} sequences of {steps} and {_count(len(table.channels), 'channel')}, "
        f"of {len(table.classes)} classes"
    )


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


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
