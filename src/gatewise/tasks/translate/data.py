"""Pairs of texts, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from gatewise.data.fingerprint import fingerprint
from gatewise.data.splits import Fractions
from gatewise.data.tables.dialect import Dialect
from gatewise.data.text.pairs import TextPairs, is_table, read_pairs
from gatewise.data.text.parallel import (
    ParallelData,
    VocabularyConfig,
    complete_rows,
    encode_pairs,
    own_fractions,
    prepare,
    split_pairs,
)
from gatewise.data.tokenizers.sentences import SentenceTokenizer
from gatewise.errors import GatewiseError
from gatewise.tasks.translate.options import TranslateOptions


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads texts.

    source, target: the vocabularies
    columns: of sources and targets in a table
    trained_on: the fingerprint of the training data
    target_file: of the training data
    fractions: of the sets that are drawn
    dialect: how a table is written
    """

    source: dict[str, Any]
    target: dict[str, Any]
    columns: tuple[str, str] | None
    trained_on: str
    target_file: str | None
    fractions: Fractions
    dialect: Dialect = field(default_factory=Dialect)

    @classmethod
    def of(cls, data: ParallelData, options: TranslateOptions) -> Self:
        """How the data were read with the options."""
        texts = data.train.texts
        separate_texts = [
            None if split.texts is texts else split.texts for split in (data.validation, data.test)
        ]
        fractions = own_fractions(
            Fractions(options.validation_fraction, options.test_fraction), *separate_texts
        )
        return cls(
            source=data.source.to_data(),
            target=data.target.to_data(),
            columns=texts.columns,
            trained_on=fingerprint(Path(texts.path)),
            target_file=options.target_file,
            fractions=fractions,
            dialect=texts.dialect,
        )

    def symbols(self) -> tuple[SentenceTokenizer, SentenceTokenizer]:
        return SentenceTokenizer.from_data(self.source), SentenceTokenizer.from_data(self.target)

    def pairs(self, path: Path, trained: bool) -> TextPairs:
        """Reads the pairs of a file; trained: whether it is the training data."""
        if is_table(path):
            source, target = self.columns or (None, None)
            return read_pairs(path, source=source, target=target, dialect=self.dialect)
        if trained:
            return read_pairs(path, self.target_file)
        files = str(path).split(",")
        if len(files) != 2:
            raise GatewiseError(
                f"{path} is no table by its name; of a text give the translations too: {path},TRANSLATIONS"
            )
        return read_pairs(files[0], files[1])

    def further_pairs(self, path: Path, target_file: str | None) -> TextPairs:
        """Reads the pairs of a file to train the model further on. target_file: of a text

        Raises: `GatewiseError` if the translations are those of another text.
        """
        if is_table(path) or fingerprint(path) == self.trained_on:
            return self.pairs(path, trained=not is_table(path))
        if target_file == self.target_file:
            raise GatewiseError(f"{path} is no table by its name; give its translations as --target-file")
        return read_pairs(path, target_file)


def read_data(path: Path, options: TranslateOptions, trained: Preprocessing | None = None) -> ParallelData:
    """Reads pairs of texts, splits them, and learns the vocabularies.

    trained: of a model that is trained further, whose vocabularies are kept; None for a new one

    Raises: `GatewiseError` with the position in the file.
    """
    if trained is None:
        pairs = read_pairs(path, options.target_file, options.source, options.target, options.dialect)
    else:
        pairs = trained.further_pairs(path, options.target_file)
    validation, test = (_read_others(files, pairs) for files in (options.validation_file, options.test_file))
    vocabulary = VocabularyConfig(
        kind=options.tokenizer,
        size=options.vocabulary,
        min_count=options.min_count,
        max_length=options.max_length,
        lower=options.lowercase,
    )
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    tokenizers = None if trained is None else trained.symbols()
    return prepare(pairs, vocabulary, fractions, validation, test, tokenizers)


def read_test_data(path: Path, preprocessing: Preprocessing) -> ParallelData:
    """The test set of the data that a model was trained on, or all of other data.

    Raises: `GatewiseError` if the model was trained on all pairs.
    """
    trained = path.is_file() and fingerprint(path) == preprocessing.trained_on
    notes: list[str] = []
    pairs = preprocessing.pairs(path, trained)
    if trained and not preprocessing.fractions.test:
        raise GatewiseError(f"the model was trained on all of {path}; give pairs that it has not seen")
    rows = complete_rows(pairs, notes)
    rows = split_pairs(pairs, rows, preprocessing.fractions)[2] if trained else rows
    symbols = preprocessing.symbols()
    test, empty = encode_pairs(pairs, rows, *symbols), encode_pairs(pairs, rows[:0], *symbols)
    notes.append(f"{len(test):,} pairs to test" + (", which the model has not seen" if trained else ""))
    return ParallelData(empty, empty, test, *symbols, tuple(notes))


def _read_others(files: tuple[str, ...], pairs: TextPairs) -> TextPairs | None:
    """The pairs of other files, in columns of the same names."""
    if len(files) > 2:
        raise GatewiseError(f"expected a table, or two texts with a comma, got {','.join(files)}")
    if not files:
        return None
    if len(files) == 2:
        return read_pairs(files[0], files[1])
    source, target = pairs.columns or (None, None)
    return read_pairs(files[0], source=source, target=target, dialect=pairs.dialect)
