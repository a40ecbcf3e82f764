"""Texts as a language model reads them, and how a trained model reads new ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.data.fingerprint import fingerprint
from gatewise.data.splits import Fractions
from gatewise.data.text.streams import TextStreams
from gatewise.data.text.text import SplitText, StreamConfig, find_texts, read_text, read_whole
from gatewise.data.tokenizers.streams import StreamTokenizer, stream_tokenizer
from gatewise.processes import is_first
from gatewise.tasks.generate.options import GenerateOptions

PROGRESS_INTERVAL = 3.0  # seconds between two reports of the progress of reading
RESET_FRACTION = 0.03  # of the streams, reset before a chunk so that networks learn to begin a text
SCORED_STEPS = 128  # steps of a chunk in evaluation


@dataclass(frozen=True)
class TextData:
    """A text, split into training, validation and test set."""

    path: Path
    tokenizer: StreamTokenizer
    train: TextStreams
    validation: TextStreams
    test: TextStreams
    notes: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, text: SplitText, steps: int = SCORED_STEPS, chunks: int = 0) -> TextData:
        """steps, chunks: the steps of a training chunk, and the chunks of an epoch."""
        train = TextStreams(text.train, steps, chunks, RESET_FRACTION)
        validation, test = TextStreams(text.validation, SCORED_STEPS), TextStreams(text.test, SCORED_STEPS)
        return cls(path, text.tokenizer, train, validation, test, text.notes)


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads a text.

    source: the fingerprint of the training data; fractions: of its validation and test set
    """

    tokenizer: dict[str, Any]
    files: str
    source: str
    fractions: Fractions


def read_data(path: Path, options: GenerateOptions) -> TextData:
    """Reads a text and splits it. Raises: `GatewiseError` if it is too short."""
    files = find_texts(path, options.files)
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    tokenizer = StreamConfig(options.tokenizer, options.vocabulary)
    text = read_text(files, fractions, tokenizer, _progress(path))
    return _trainable(TextData.of(path, text, options.steps, options.steps_per_epoch), options)


def read_test_data(path: Path, preprocessing: Preprocessing) -> TextData:
    """The test set of the text that a model was trained on, or the whole of another text."""
    tokenizer, files = stream_tokenizer(preprocessing.tokenizer), find_texts(path, preprocessing.files)
    if fingerprint(path) == preprocessing.source:
        return TextData.of(path, read_text(files, preprocessing.fractions, tokenizer, _progress(path)))
    text, notes = read_whole(files, tokenizer, _progress(path))
    empty, test = TextStreams(text.empty(), SCORED_STEPS), TextStreams(text, SCORED_STEPS)
    notes = (*notes, "not the training data: the whole text is scored")
    return TextData(path, tokenizer, empty, empty, test, notes)


def read_further_data(path: Path, preprocessing: Preprocessing, options: GenerateOptions) -> TextData:
    """A text to train a model further on, with the tokenizer of the text that it was trained on.

    Raises: `GatewiseError` if it is too short.
    """
    tokenizer, files = stream_tokenizer(preprocessing.tokenizer), find_texts(path, preprocessing.files)
    text = read_text(files, preprocessing.fractions, tokenizer, _progress(path))
    return _trainable(TextData.of(path, text, options.steps, options.steps_per_epoch), options)


def _trainable(data: TextData, options: GenerateOptions) -> TextData:
    """The data. Raises: `GatewiseError` if a set is too short for a batch."""
    for streams in (data.train, data.validation):
        streams.streams(options.batch_size, 0, options.batch_size)
    return data


def _progress(path: Path) -> Callable[[float], None]:
    """Reports the progress of reading a long text."""
    last = time.monotonic()

    def report(fraction: float) -> None:
        nonlocal last
        if time.monotonic() > last + PROGRESS_INTERVAL and is_first():
            last = time.monotonic()
            print(f"read {fraction:.0%} of {path}", file=sys.stderr)

    return report
