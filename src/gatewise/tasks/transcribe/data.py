"""Images and sequences with texts, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gatewise.data.fingerprint import fingerprint
from gatewise.data.labels.transcribed import (
    SignalForm,
    StripForm,
    TextPlan,
    Transcribed,
    names_images,
    read_signals,
    read_strips,
)
from gatewise.data.sequences.long_table import LongColumns
from gatewise.tasks.transcribe.options import TranscribeOptions


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads data; `source` is the fingerprint of the training data."""

    form: StripForm | SignalForm
    source: str


def read_data(path: Path, options: TranscribeOptions) -> Transcribed:
    """Reads images or sequences with their texts, and splits them.

    Errors: `GatewiseError` with the place in the file.
    """
    shares = (options.validation_fraction, options.test_fraction)
    plan = TextPlan(options.tokenizer, options.beam, *shares, options.split_column)
    if names_images(path):
        data = read_strips(path, options.id, options.label, options.colour, options.height, plan)
    else:
        columns = LongColumns(options.id, options.time, options.label, options.channels)
        data = read_signals(path, columns, options.fill, options.targets, plan)
    return replace(data, source=fingerprint(data.form.source(path)))


def read_test_data(path: Path, preprocessing: Preprocessing) -> Transcribed:
    """The test set of the data that a model was trained on, or all of other data."""
    form = preprocessing.form
    return form.again(path, same=fingerprint(form.source(path)) == preprocessing.source)
