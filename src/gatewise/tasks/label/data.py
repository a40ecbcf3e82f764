"""Labelled sequences, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gatewise.data.fingerprint import fingerprint
from gatewise.data.labels.labelled import LabelledSteps
from gatewise.data.labels.labelled_table import TableForm, read_labelled_table
from gatewise.data.labels.labelled_text import TextForm, read_labelled_text
from gatewise.data.labels.part_files import part_files, told_others
from gatewise.data.sequences.long_table import LongColumns
from gatewise.errors import GatewiseError
from gatewise.tasks.label.options import LabelOptions

TABLES = (".csv", ".parquet", ".pq")  # suffixes of tables; all other files are text


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads data.

    form: the columns, labels and scales or vocabulary; source: the fingerprint of the training data
    """

    form: TextForm | TableForm
    source: str


def read_data(path: Path, options: LabelOptions) -> LabelledSteps:
    """Reads a text or a table with a label for each step, and splits it by sequences.

    Errors: `GatewiseError` with the place in the file.
    """
    shares = (options.validation_fraction, options.test_fraction)
    if part_files(path)["train"].suffix.lower() in TABLES:
        columns = LongColumns(options.id, options.time, options.label, options.channels)
        data = read_labelled_table(path, columns, options.fill, options.chunk_length, *shares)
    else:
        label = _label_column(options.label)
        data = read_labelled_text(path, options.token, label, options.chunk_length, *shares)
    return replace(data, source=fingerprint(path), notes=(*told_others(path), *data.notes))


def read_test_data(path: Path, preprocessing: Preprocessing) -> LabelledSteps:
    """The test set of the data that a model was trained on, or all of other data."""
    return preprocessing.form.again(path, same=fingerprint(path) == preprocessing.source)


def _label_column(label: str | None) -> int:
    """The number of the column of labels in a text; 0 is the last. Errors: `GatewiseError`."""
    if label is None:
        return 0
    if not label.isdecimal() or int(label) == 0:
        raise GatewiseError(f"the columns of a text have numbers from 1 on; got --label {label}")
    return int(label)
