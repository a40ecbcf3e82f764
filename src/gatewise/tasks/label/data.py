"""Labelled sequences, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gatewise.data.fingerprint import fingerprint
from gatewise.data.labels.labelled import LabelledSteps
from gatewise.data.labels.labelled_table import TablePreprocessing, read_labelled_table
from gatewise.data.labels.labelled_text import (
    TextPreprocessing,
    WordTablePreprocessing,
    read_labelled_text,
    read_labelled_words,
)
from gatewise.data.labels.set_files import describe_other_files, find_set_files
from gatewise.data.labels.word_table import WordColumns, find_word_columns
from gatewise.data.opening import data_suffix
from gatewise.data.sequences.long_table import LongColumns
from gatewise.data.splits import Fractions
from gatewise.data.tables.array_table import ARRAYS
from gatewise.data.tables.typed import TYPED
from gatewise.errors import GatewiseError
from gatewise.tasks.label.options import LabelOptions

TABLES = (".csv", ".json", *ARRAYS, *TYPED)  # suffixes of tables; all other files are text


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads data.

    form: the columns, labels and scales or vocabulary; source: the fingerprint of the training data
    """

    form: WordTablePreprocessing | TextPreprocessing | TablePreprocessing
    source: str


def read_data(path: Path, options: LabelOptions) -> LabelledSteps:
    """Reads a text or a table with a label for each step, and splits it by sequences.

    Raises: `GatewiseError` with the position in the file.
    """
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    first = find_set_files(path)["train"]
    is_table = data_suffix(first) in TABLES
    given = WordColumns(options.id, options.token, options.label, options.dialect)
    words = find_word_columns(first, given) if is_table and not options.channels else None
    if options.reads_gaps and (words is not None or not is_table):
        raise GatewiseError(
            f"{path} has words as steps, which fit neither --fill mask nor --irregular; leave them out"
        )
    if words is not None:
        data = read_labelled_words(path, words, max_length=options.chunk_length, fractions=fractions)
    elif is_table:
        columns = LongColumns(
            options.id, options.time, options.label, options.channels, dialect=options.dialect
        )
        data = read_labelled_table(
            path,
            columns,
            fill=options.fill,
            irregular=options.irregular,
            max_length=options.chunk_length,
            fractions=fractions,
        )
    else:
        options.dialect.require_default(path, "a text")
        data = read_labelled_text(
            path,
            token=_column_number(options.token, "token") or 1,
            label=_column_number(options.label, "label"),
            max_length=options.chunk_length,
            fractions=fractions,
        )
    return replace(data, source=fingerprint(path), notes=(*describe_other_files(path), *data.notes))


def read_test_data(path: Path, preprocessing: Preprocessing) -> LabelledSteps:
    """The test set of the data that a model was trained on, or all of other data."""
    return preprocessing.form.read(path, trained=fingerprint(path) == preprocessing.source)


def _column_number(column: str | None, role: str) -> int:
    """The number of a column of a text; 0 if it is not given. Raises: `GatewiseError`."""
    if column is None:
        return 0
    if not column.isdecimal() or int(column) == 0:
        raise GatewiseError(f"the columns of a text have numbers from 1 on; got --{role} {column}")
    return int(column)
