"""Images and sequences with texts, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gatewise.data.fingerprint import fingerprint
from gatewise.data.labels.transcribed_lines import LinePreprocessing, names_images, read_text_lines
from gatewise.data.labels.transcribed_signals import SignalPreprocessing, read_signals
from gatewise.data.labels.transcript_data import TranscriptData, TranscriptOptions
from gatewise.data.sequences.long_table import LongColumns
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError
from gatewise.tasks.transcribe.options import TranscribeOptions


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads data; `source` is the fingerprint of the training data."""

    form: LinePreprocessing | SignalPreprocessing
    source: str


def read_data(path: Path, options: TranscribeOptions) -> TranscriptData:
    """Reads images or sequences with their texts, and splits them.

    Raises: `GatewiseError` with the position in the file.
    """
    transcripts = TranscriptOptions(
        unit=options.tokenizer,
        beam=options.beam,
        fractions=Fractions(options.validation_fraction, options.test_fraction),
        split_column=options.split_column,
    )
    if names_images(path):
        options.dialect.require_default(path, "of images")
        data = read_text_lines(
            path,
            transcripts,
            file=options.id,
            text=options.label,
            colour=options.colour,
            height=options.height,
        )
    else:
        columns = LongColumns(
            options.id, options.time, options.label, options.channels, dialect=options.dialect
        )
        data = read_signals(path, columns, transcripts, fill=options.fill, targets=options.targets)
    return replace(data, source=fingerprint(data.preprocessing.source(path)))


def read_further_data(path: Path, preprocessing: Preprocessing, options: TranscribeOptions) -> TranscriptData:
    """Images or sequences with texts to train a model further on, with its scales and symbols.

    Raises: `GatewiseError` with a text of which the model does not know a symbol.
    """
    reader = preprocessing.form
    if isinstance(reader, SignalPreprocessing):
        reader = replace(reader, targets=options.targets or reader.targets)
    data = reader.read(path, trained=True)
    for split in (data.train, data.validation, data.test):
        for number, text in zip(split.numbers, split.texts, strict=True):
            unknown = [one for one in reader.tokenizer.split(text) if one not in reader.tokenizer.symbols]
            if unknown:
                raise GatewiseError(
                    f"{path}: the model does not know {unknown[0]!r} in the text {text!r} of "
                    f"{data.names[number]}; take it out, or train a new model"
                )
    return replace(data, source=fingerprint(reader.source(path)))


def read_test_data(path: Path, preprocessing: Preprocessing) -> TranscriptData:
    """The test set of the data that a model was trained on, or all of other data."""
    reader = preprocessing.form
    return reader.read(path, trained=fingerprint(reader.source(path)) == preprocessing.source)
