"""Files of sequences with a label or targets for each: how they are read, and how a model reads new ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from gatewise.data.fingerprint import fingerprint
from gatewise.data.sequences.archives import ARCHIVES, read_archive
from gatewise.data.sequences.array_files import ARRAYS, read_array_file
from gatewise.data.sequences.gaps import GapKind, TimeUnit, gap_kind
from gatewise.data.sequences.irregular import with_known_times, with_learned_times
from gatewise.data.sequences.long_columns import LongColumns, wanted_role
from gatewise.data.sequences.long_table import read_long
from gatewise.data.sequences.missing import MaskedFill
from gatewise.data.sequences.plausible import require_steps
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.weights import relative_weights
from gatewise.data.sequences.wide_rows import find_wide, read_wide
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions, Split
from gatewise.errors import GatewiseError


@dataclass(frozen=True, kw_only=True)
class SequencePreprocessing:
    """How a model reads sequences.

    columns: None for archives; fill: how missing values are filled; scales: of the channels
    source: the fingerprint of the training data
    has_test_file: whether the test set was another file; fractions: of the sets
    unit_of_time: of the elapsed times that the network reads; None if it reads none
    """

    numeric: ClassVar[bool] = False  # whether sequences have targets instead of a label
    columns: LongColumns | None
    fill: MaskedFill | None
    scales: tuple[Scale, ...]
    source: str
    has_test_file: bool
    fractions: Fractions
    unit_of_time: TimeUnit | None = None

    @property
    def gaps(self) -> GapKind:
        """What the network reads beside the values."""
        return gap_kind(self.fill, self.unit_of_time)

    @property
    def table_columns(self) -> LongColumns:
        """The columns of tables, also for a model that was trained on an archive or on arrays."""
        return self.columns or LongColumns()

    def table(
        self, path: Path, labelled: bool = True, grouped: bool = False, weight: str | None = None
    ) -> SequenceTable:
        """Reads a file of sequences, their labels or targets if `labelled`, and their groups if `grouped`.

        weight: the column of their weights; None for none

        Raises: `GatewiseError` if it has another number of channels.
        """
        columns = replace(self.table_columns, weight=weight)
        columns = columns if labelled else replace(columns, label=None, targets=())
        columns = columns if grouped else replace(columns, group=None)
        table, _ = read_sequences(path, columns, self.fill, labelled, self.numeric)
        if len(table.channels) != len(self.scales):
            raise GatewiseError(
                f"{path} has sequences of {count(len(table.channels), 'channel')}; the model expects "
                f"{len(self.scales)}"
            )
        return with_known_times(table, self.unit_of_time)

    def test_table(self, path: Path) -> tuple[SequenceTable, bool]:
        """Reads sequences to evaluate the model on, and whether it was trained on some of them.

        Raises: `GatewiseError` if it was trained on all of them.
        """
        self._require_unseen(path)
        is_training_data = fingerprint(path) == self.source
        return self.table(path, grouped=is_training_data), is_training_data

    def further_table(self, path: Path, group: str | None, weight: str | None) -> SequenceTable:
        """Reads sequences to train the model further on. group, weight: their columns; None for none

        Raises: `GatewiseError` if it was trained on all of them.
        """
        self._require_unseen(path)
        return self.table(path, grouped=group is not None, weight=weight)

    def further(self, path: Path, fractions: Fractions) -> Self:
        """The preprocessing of a model that is trained further. path: the data, split by `fractions`"""
        return replace(self, source=fingerprint(path), has_test_file=False, fractions=fractions)

    def _require_unseen(self, path: Path) -> None:
        if self.has_test_file and fingerprint(path) == self.source:
            raise GatewiseError(f"the model was trained on all of {path}; give data it has not seen")


@dataclass(frozen=True)
class SequenceFile:
    """A file of sequences to train a model on, before it is split.

    columns: recognized in the file; None for an archive; fill: how missing values are filled
    test_file: the file of the test set; None if it is drawn; fractions: of the sets that are drawn
    """

    path: Path
    table: SequenceTable
    columns: LongColumns | None
    fill: MaskedFill | None
    test_file: Path | None
    fractions: Fractions

    def preprocessing(self, train: list[int]) -> SequencePreprocessing:
        """How a model trained on some sequences reads new ones. train: their numbers"""
        return SequencePreprocessing(
            columns=self.columns and replace(self.columns, weight=None),  # new data need no weights
            fill=self.fill,
            scales=self.table.scales(train),
            source=fingerprint(self.path),
            has_test_file=self.test_file is not None,
            fractions=self.fractions,
            unit_of_time=self.table.unit_of_time,
        )

    def with_times(self, train: list[int]) -> SequenceFile:
        """The file with the unit of its times, as the training sequences have it. train: their numbers"""
        return replace(self, table=with_learned_times(self.table, self.table.slices(train)))


def open_training_file(
    path: Path,
    columns: LongColumns,
    fill: MaskedFill | None,
    test_file: str | None,
    fractions: Fractions,
    numeric: bool = False,
) -> SequenceFile:
    """Reads a file of sequences to train a model on.

    Args:
        path: the file
        columns: those that the user named
        fill: how missing values are filled
        test_file: the file of the test set; None to look for one beside a file X_TRAIN
        fractions: of the validation and the test set, unless there is a test file
        numeric: whether sequences have targets instead of a label

    Raises: `GatewiseError` with the position in the file.
    """
    refuse_columns(path, columns)
    table, found = read_sequences(path, columns, fill, numeric=numeric)
    table = require_steps(table, None if found is None else "--id COLUMN", "--wide rows")
    tested = find_test_file(path, test_file)
    drawn = replace(fractions, test=0.0) if tested else fractions
    return SequenceFile(path, table, found, fill, tested, drawn)


def read_sequences(
    path: Path, columns: LongColumns, fill: MaskedFill | None, labelled: bool = True, numeric: bool = False
) -> tuple[SequenceTable, LongColumns | None]:
    """Reads a file of sequences; returns the recognized columns too, None for an archive.

    labelled: whether each sequence must have a label, or targets if `numeric`

    Raises: `GatewiseError` with the position in the file.
    """
    suffix = path.suffix.lower()
    if suffix in ARCHIVES:
        columns.dialect.require_default(path, "an archive")
        return read_archive(path, labelled, fill, numeric), None
    if suffix in ARRAYS:
        columns.dialect.require_default(path, "a file of arrays")
        return read_array_file(path, labelled, fill, numeric, columns.multilabel), None
    wide = find_wide(path, columns)
    if wide is not None:
        return read_wide(path, wide, labelled, fill, numeric)
    return read_long(path, columns, labelled, fill, numeric)


def refuse_columns(path: Path, columns: LongColumns) -> None:
    """Raises: `GatewiseError` if columns of archives or arrays are named, or sets of labels of archives."""
    suffix = path.suffix.lower()
    if suffix not in (*ARCHIVES, *ARRAYS):
        return
    form = "an archive" if suffix in ARCHIVES else "a file of arrays"
    options = {"targets": wanted_role(columns, numeric=True), "label_separator": "label-separator"}
    for name, value in asdict(columns).items():
        if value and name not in ("dialect", "multilabel"):
            option = options.get(name, name)
            raise GatewiseError(f"{path} is {form} without column names; leave --{option} out")
    if columns.multilabel and suffix in ARCHIVES:
        raise GatewiseError(
            f"{path} is {form}, whose sequences have one class each; give a table, or a .npz file with y "
            "[N, L] of 0 and 1"
        )


def find_test_file(path: Path, given: str | None) -> Path | None:
    """The file of the test set: the given one, or X_TEST beside the file X_TRAIN, if there is one.

    Raises: `GatewiseError` if the given file is that of the training data.
    """
    if not given:
        test_path = path.with_name(path.name.replace("_TRAIN", "_TEST"))
        return test_path if test_path != path and test_path.is_file() else None
    test_file = Path(given)
    if test_file.is_file() and test_file.samefile(path):
        raise GatewiseError(f"{path} is the training data; give another --test-file, or none")
    return test_file


def split_weights(table: SequenceTable, split: Split) -> np.ndarray | None:
    """[N]: the weights of the sequences; None if they are equal.

    Raises: `GatewiseError` if all weights of a set are zero.
    """
    for name, numbers in (("training", split.train), ("validation", split.validation)):
        if table.weights is not None and not table.weights[numbers].any():
            raise GatewiseError(f"{table.path}: all weights in the {name} set are zero; give positive ones")
    return relative_weights(table.weights)


def describe_sequences(table: SequenceTable) -> str:
    """Describes the number, lengths and channels of the sequences."""
    shortest, longest = int(table.sizes.min()), int(table.sizes.max())
    steps = f"{shortest} to {longest} steps" if shortest < longest else count(longest, "step")
    return f"{len(table)} sequences of {steps} and {count(len(table.channels), 'channel')}"


def describe_sizes(
    table: SequenceTable, sizes: tuple[int, int, int], how: str, test_file: Path | None = None
) -> str:
    """The sizes of the training, validation and test sets, and how they were drawn if there is no test file.

    >>> describe_sizes(SequenceTable("", np.zeros((0, 1)), np.zeros(1), (), ("x",)), (7, 2, 1), "at random")
    'training set 7, validation set 2, test set 1 sequences, at random'
    """
    train, validation, test = sizes
    groups = "" if table.groups is None else f", none of {len(np.unique(table.groups))} groups in two sets"
    drawn = f", {how}{groups}" if test_file is None else f": {test_file}"
    return f"training set {train}, validation set {validation}, test set {test} sequences{drawn}"


def describe_test_set(size: int, is_training_data: bool) -> str:
    """The sequences on which a model is evaluated. is_training_data: whether it was trained on the others"""
    if is_training_data:
        return f"the test set is {size} sequences that the model has not seen"
    return f"the test set is all {size} sequences"


def count(number: int, name: str) -> str:
    """A number of things.

    >>> count(1, "step"), count(3, "step")
    ('1 step', '3 steps')
    """
    return f"{number} {name}{'s' * (number != 1)}"
