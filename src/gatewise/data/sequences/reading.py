"""Files of sequences with a label or targets for each: how they are read, and how a model reads new ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from gatewise.data.sequences.archives import ARCHIVES, read_archive
from gatewise.data.sequences.array_files import ARRAYS, read_array_file
from gatewise.data.sequences.gaps import TimeUnit
from gatewise.data.sequences.irregular import with_known_times
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.data.sequences.missing import MaskedFill
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.weights import relative_weights
from gatewise.data.sequences.wide_rows import find_wide, read_wide
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions
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

    def table(self, path: Path, labelled: bool = True, grouped: bool = False) -> SequenceTable:
        """Reads a file of sequences, their labels or targets if `labelled`, and their groups if `grouped`.

        Raises: `GatewiseError` if it has another number of channels.
        """
        columns = self.columns or LongColumns()
        columns = columns if labelled else replace(columns, label=None, targets=())
        columns = columns if grouped else replace(columns, group=None)
        table, _ = read_sequences(path, columns, self.fill, labelled, self.numeric)
        if len(table.channels) != len(self.scales):
            raise GatewiseError(
                f"{path} has sequences of {count(len(table.channels), 'channel')}; the model expects "
                f"{len(self.scales)}"
            )
        return with_known_times(table, self.unit_of_time)


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
        return read_array_file(path, labelled, fill, numeric), None
    wide = find_wide(path, columns)
    if wide is not None:
        return read_wide(path, wide, labelled, fill, numeric)
    return read_long(path, columns, labelled, fill, numeric)


def refuse_columns(path: Path, columns: LongColumns) -> None:
    """Raises: `GatewiseError` if columns of an archive or of arrays are named."""
    suffix = path.suffix.lower()
    for name, value in asdict(columns).items():
        if value and name != "dialect" and suffix in (*ARCHIVES, *ARRAYS):
            option = "target" if name == "targets" else name
            form = "an archive" if suffix in ARCHIVES else "a file of arrays"
            raise GatewiseError(f"{path} is {form} without column names; leave --{option} out")


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


def split_weights(table: SequenceTable, train: list[int], validation: list[int]) -> np.ndarray | None:
    """[N]: the weights of the sequences; None if they are equal.

    Raises: `GatewiseError` if all weights of a set are zero.
    """
    for name, numbers in (("training", train), ("validation", validation)):
        if table.weights is not None and not table.weights[numbers].any():
            raise GatewiseError(f"{table.path}: all weights in the {name} set are zero; give positive ones")
    return relative_weights(table.weights)


def describe_sequences(table: SequenceTable) -> str:
    """Describes the number, lengths and channels of the sequences."""
    shortest, longest = int(table.sizes.min()), int(table.sizes.max())
    steps = f"{shortest} to {longest} steps" if shortest < longest else count(longest, "step")
    return f"{len(table)} sequences of {steps} and {count(len(table.channels), 'channel')}"


def count(number: int, name: str) -> str:
    """A number of things.

    >>> count(1, "step"), count(3, "step")
    ('1 step', '3 steps')
    """
    return f"{number} {name}{'s' * (number != 1)}"
