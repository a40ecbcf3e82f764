"""Sequences with a text each, split into sets: what images and signals have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.labels.transcripts import Inputs, TranscriptDataset
from gatewise.data.splits import Fractions, Split, complete_split, named_split, random_split
from gatewise.data.tokenizers.transcripts import TranscriptTokenizer, TranscriptUnit

MAX_LISTED = 40  # symbols in a note


@dataclass(frozen=True, kw_only=True)
class TranscriptOptions:
    """How texts are tokenized, searched and split.

    beam: the hypotheses that the search keeps, 0 for the best path
    fractions: of the sets that are drawn
    split_column: of the table of texts, with train, validation or test; None to draw the sets
    """

    unit: TranscriptUnit
    beam: int
    fractions: Fractions
    split_column: str | None = None

    def split(self, path: Path, names: Sequence[str]) -> Split:
        """The sets by their names, "" if not named; a set without a name is drawn from the others."""
        return complete_split(
            named_split(names),
            self.fractions,
            lambda train, fractions: random_split(len(train), fractions, path, "sequences with a text"),
        )


@dataclass(frozen=True, kw_only=True)
class TranscriptPreprocessing(ABC):
    """How a model reads its data."""

    tokenizer: TranscriptTokenizer
    options: TranscriptOptions

    @abstractmethod
    def source(self, path: Path) -> Path:
        """The file whose fingerprint identifies the data."""

    @abstractmethod
    def read(self, path: Path, trained: bool) -> TranscriptData:
        """Data to evaluate a model on.

        trained: whether it was trained on these data, of which the test set is read; all of others is read

        Raises: `GatewiseError` with the place in the file.
        """

    @abstractmethod
    def read_untranscribed(self, path: Path) -> Untranscribed:
        """Inputs without texts. Raises: `GatewiseError` with the place in the file."""


@dataclass(frozen=True)
class Untranscribed:
    """Inputs to transcribe. columns: the names of inputs and texts"""

    columns: tuple[str, str]
    names: tuple[str, ...]
    inputs: TranscriptDataset

    def with_texts(self, texts: Sequence[str], probabilities: Sequence[float]) -> pl.DataFrame:
        """A row for each input with its predicted text."""
        name, text = self.columns
        return pl.DataFrame({name: self.names, text: texts, "probability": np.round(probabilities, 4)})


@dataclass(frozen=True)
class TranscriptData:
    """The sets of sequences with texts; the training set is empty if a model is only evaluated.

    preprocessing: how they were read; names: of all inputs; height: of images, else 0
    notes: on the data and their split; source: their fingerprint
    """

    preprocessing: TranscriptPreprocessing
    names: tuple[str, ...]
    height: int
    train: TranscriptDataset
    validation: TranscriptDataset
    test: TranscriptDataset
    notes: tuple[str, ...]
    source: str = ""

    @property
    def tokenizer(self) -> TranscriptTokenizer:
        return self.preprocessing.tokenizer

    @property
    def beam(self) -> int:
        return self.preprocessing.options.beam

    @property
    def channels(self) -> int:
        """C, the numbers of a step."""
        return self.test.inputs.channels


def split_transcripts(
    preprocessing: TranscriptPreprocessing,
    inputs: Inputs,
    height: int,
    names: tuple[str, ...],
    texts: Sequence[str],
    split: Split | None,
    *notes: str,
) -> TranscriptData:
    """The sets of a split; all inputs are the test set if there is none. notes: on the data"""

    def chosen(numbers: Sequence[int]) -> TranscriptDataset:
        own = [texts[number] for number in numbers]
        return TranscriptDataset(inputs, numbers, own, preprocessing.tokenizer)

    if split is not None:
        symbols = preprocessing.tokenizer.symbols
        more = f" and {len(symbols) - MAX_LISTED} more" if len(symbols) > MAX_LISTED else ""
        sizes = f"training set {len(split.train):,}, validation set {len(split.validation):,}, "
        sizes += f"test set {len(split.test):,}"
        drawn = "" if preprocessing.options.split_column else ", drawn at random"
        listed = f"{len(symbols)} symbols: {' '.join(symbols[:MAX_LISTED])}{more}"
        notes = (*notes, listed, sizes + drawn)
    train, validation, test = map(chosen, split or ([], [], range(len(names))))
    return TranscriptData(preprocessing, names, height, train, validation, test, notes)
