"""Tagged text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.labels.labelled import (
    PREDICTED,
    PROBABILITY,
    LabelledSteps,
    LabelPreprocessing,
    learn_labels,
    list_labels,
    unknown_label,
)
from gatewise.data.labels.schemes import (
    BIO,
    are_in_bio,
    convert_texts,
    find_scheme,
    in_sentences,
    read_zeros,
    recognize_in_text,
    unless_bio,
)
from gatewise.data.labels.segments import (
    Segments,
    assign_segments,
    cut_segments,
    default_max_length,
    describe_sets,
    is_split_in_time,
    no_segments,
    select_sets,
    whole_sequences,
)
from gatewise.data.labels.set_files import find_set_files, find_test_file
from gatewise.data.labels.tagged import TaggedText, read_tagged
from gatewise.data.labels.token_steps import TokenSteps
from gatewise.data.labels.word_table import (
    WordColumns,
    describe_columns,
    read_word_table,
    rows_with_labels,
)
from gatewise.data.sequences.plausible import require_classes
from gatewise.data.splits import Fractions
from gatewise.data.text.lines import Lines
from gatewise.data.tokenizers.words import WordTokenizer, learn_words


@dataclass(frozen=True, kw_only=True)
class TextPreprocessing(LabelPreprocessing):
    """How a model reads tagged text.

    token, label: their columns, from 1
    scheme: the name of the scheme of tags that was converted to BIO, None for labels as they are
    zero: the label that is read as O, None for none
    """

    token: int
    label: int
    tokenizer: WordTokenizer
    scheme: str | None = None
    zero: str | None = None

    def load(self, path: Path, labelled: bool = True) -> TaggedText:
        """Reads a text with its labels as they are. Raises: `GatewiseError` with the line."""
        return read_tagged(path, self.token, self.label if labelled else None)

    def convert(self, given: dict[str, TaggedText]) -> tuple[dict[str, TaggedText], list[str]]:
        """Texts with their labels as the model learned them, and notes on the conversion.

        given: as they are, each in a scheme of its own, which is recognized
        """
        own = None
        if are_in_bio(self.labels):
            own = BIO if self.scheme is None else find_scheme(self.scheme)
        return convert_texts(given, own, self.zero, is_learned=False)

    def numbers(self, text: TaggedText) -> np.ndarray:
        """The labels of a text by number. Raises: `GatewiseError` with the line of an unknown one."""
        assert text.labels is not None
        found = self.numbers_of(text.labels)
        if (found < 0).any():
            number = int((found < 0).argmax())
            raise unknown_label(f"{text.path}, {text.place(number)}", text.labels[number], self.labels)
        return found

    def steps(self, text: TaggedText, segments: Segments) -> TokenSteps:
        """Segments of a text, with their labels if it has some."""
        labels = None if text.labels is None else self.numbers(text)
        return TokenSteps(text.tokens, labels, self.tokenizer, segments, text.place)

    def read(self, path: Path, trained: bool) -> LabelledSteps:
        if trained:
            texts, notes = self.convert(_read_texts(path, self.load))
            sets = assign_segments(path, texts, self.fractions, self.max_length)
            return _labelled(self, texts, sets, notes)
        texts, notes = self.convert({"test": self.load(find_test_file(path))})
        text = texts["test"]
        test = self.steps(text, cut_segments(whole_sequences(text.offsets), self.max_length))
        note = f"all of {text.path}: {len(test):,} sentences ({len(text.tokens):,} steps)"
        empty = test.with_segments(no_segments())
        return LabelledSteps(self, empty, empty, test, (note, *text.notes, *notes))

    def read_unlabelled(self, path: Path) -> UnlabelledText:
        text = self.load(find_test_file(path), labelled=False)
        segments = cut_segments(whole_sequences(text.offsets), self.max_length)
        return self._unlabelled(text, self.steps(text, segments))

    def _unlabelled(self, text: TaggedText, steps: TokenSteps) -> UnlabelledText:
        return UnlabelledText(text, steps, self.scheme)

    @property
    def about(self) -> str:
        """The columns in a sentence."""
        return f"tokens are in column {self.token}, labels in column {self.label}"


@dataclass(frozen=True, kw_only=True)
class WordTablePreprocessing(TextPreprocessing):
    """How a model reads a table of words. columns: by role"""

    columns: WordColumns

    def load(self, path: Path, labelled: bool = True) -> TaggedText:
        return read_word_table(path, self.columns, labelled)

    def _unlabelled(self, text: TaggedText, steps: TokenSteps) -> UnlabelledText:
        return UnlabelledWords(text, steps, self.scheme, self.columns)

    @property
    def about(self) -> str:
        return describe_columns(self.columns)


@dataclass(frozen=True)
class UnlabelledText:
    """A text to label. scheme: of the predicted tags, which are BIO; None to leave them as they are"""

    text: TaggedText
    steps: TokenSteps
    scheme: str | None = None

    @property
    def text_column(self) -> str | None:
        return "text"

    def with_labels(self, labels: Sequence[str], probabilities: Sequence[float]) -> pl.DataFrame:
        """A row for each token; `text` is its line with the predicted label as another column."""
        labels = self.in_scheme(labels)
        text, separator = self.text, "\t" if self.text.tabs else " "
        lines = Lines(text.path)
        ends = set(text.offsets[1:].tolist())
        written = [
            f"{lines[line - 1].rstrip()}{separator}{label}" + "\n" * (number in ends)
            for number, (line, label) in enumerate(zip(text.lines.tolist(), labels, strict=True), 1)
        ]
        sentence = np.repeat(np.arange(1, len(text.offsets)), np.diff(text.offsets))
        return pl.DataFrame(
            {
                "line": text.lines,
                "sentence": sentence,
                "token": text.tokens,
                PREDICTED: labels,
                PROBABILITY: np.round(probabilities, 4),
                "text": written,
            }
        )

    def by_sequence(self, frame: pl.DataFrame) -> list[list[str]]:
        return [list(one) for one in in_sentences(frame[PREDICTED].to_list(), self.text.offsets)]

    def in_scheme(self, labels: Sequence[str]) -> list[str]:
        """Predicted labels as tags of the scheme of the training data."""
        if self.scheme is None:
            return list(labels)
        scheme = find_scheme(self.scheme)
        return [tag for one in in_sentences(labels, self.text.offsets) for tag in scheme.encode(one)]


@dataclass(frozen=True)
class UnlabelledWords(UnlabelledText):
    """A table of words to label. columns: of the table"""

    columns: WordColumns = field(default_factory=WordColumns)

    @property
    def text_column(self) -> str | None:
        return None

    def with_labels(self, labels: Sequence[str], probabilities: Sequence[float]) -> pl.DataFrame:
        """The rows of the table with the predicted label of each."""
        values = (self.in_scheme(labels), np.round(probabilities, 4))
        return rows_with_labels(self.text, self.columns, (PREDICTED, PROBABILITY), values)


def read_labelled_text(
    path: Path, *, token: int, label: int, max_length: int, fractions: Fractions
) -> LabelledSteps:
    """Reads a text, or a folder with a text for each set, and learns the preprocessing.

    token, label: their columns, from 1, 0 for the last; max_length: of a segment, 0 for the default

    Raises: `GatewiseError` with the place in the file, or if there is only one label or too little data.
    """
    files = find_set_files(path)
    first = read_tagged(files["train"], token, label)
    assert first.label is not None
    read = partial(read_tagged, token=token, label=first.label)
    return _learn(path, TextPreprocessing, _read_texts(path, read), max_length, fractions)


def read_labelled_words(
    path: Path, columns: WordColumns, *, max_length: int, fractions: Fractions
) -> LabelledSteps:
    """Reads a table of words, or a folder with a table for each set, and learns the preprocessing.

    columns: as by `find_word_columns`; max_length: of a segment, 0 for the default

    Raises: `GatewiseError` with the place in the file, or if there is only one label or too little data.
    """
    texts = _read_texts(path, partial(read_word_table, columns=columns))
    return _learn(path, partial(WordTablePreprocessing, columns=columns), texts, max_length, fractions)


def _read_texts(path: Path, read: Callable[[Path], TaggedText]) -> dict[str, TaggedText]:
    return {name: read(file) for name, file in find_set_files(path).items()}


def _learn(
    path: Path,
    form: Callable[..., TextPreprocessing],
    given: dict[str, TaggedText],
    max_length: int,
    fractions: Fractions,
) -> LabelledSteps:
    """Learns the tags, the words and the sets of texts. form: makes the preprocessing"""
    zero = read_zeros(label for text in given.values() for label in text.labels or ())
    scheme = recognize_in_text(given["train"], zero)
    texts, notes = convert_texts(given, scheme, zero, is_learned=True, known={"train": scheme})
    first = texts["train"]
    assert first.label is not None
    names = learn_labels(str(path), (text.labels or () for text in texts.values()))
    require_classes(str(path), names, sum(len(text.tokens) for text in texts.values()), "tokens")
    max_length = max_length or default_max_length(first.offsets)
    sets = assign_segments(path, texts, fractions, max_length)
    preprocessing = form(
        token=first.token,
        label=first.label,
        labels=names,
        tokenizer=learn_words(first.tokens[step] for step in _steps(sets["train"][1])),
        max_length=max_length,
        fractions=fractions,
        scheme=unless_bio(scheme),
        zero=zero,
    )
    return _labelled(preprocessing, texts, sets, notes)


def _labelled(
    preprocessing: TextPreprocessing,
    texts: dict[str, TaggedText],
    assigned: Mapping[str, tuple[str, Segments]],
    tag_notes: Sequence[str] = (),
) -> LabelledSteps:
    sets = select_sets(preprocessing.steps, texts, assigned)
    drawn = len(texts) < 3 and not is_split_in_time(texts["train"].offsets)
    notes = (
        *(f"{text.path}: {note}" for text in texts.values() for note in text.notes),
        preprocessing.about,
        *tag_notes,
        f"{len(preprocessing.labels)} labels: {list_labels(preprocessing.labels)}",
        describe_sets({name: one.segments for name, one in sets.items()}, "sentences", drawn),
    )
    return LabelledSteps(preprocessing, sets["train"], sets["validation"], sets["test"], notes)


def _steps(segments: Segments) -> Sequence[int]:
    """The numbers of all steps of segments."""
    pairs = zip(segments.starts, segments.sizes, strict=True)
    return np.concatenate([np.arange(start, start + size) for start, size in pairs]).tolist()
