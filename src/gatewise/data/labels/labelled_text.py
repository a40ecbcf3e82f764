"""Tagged text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from gatewise.data.sequences.plausible import require_classes
from gatewise.data.splits import Fractions
from gatewise.data.text.lines import Lines
from gatewise.data.tokenizers.words import WordTokenizer, learn_words


@dataclass(frozen=True, kw_only=True)
class TextPreprocessing(LabelPreprocessing):
    """How a model reads tagged text. token, label: their columns, from 1"""

    token: int
    label: int
    tokenizer: WordTokenizer

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
            texts = _read_texts(path, self.token, self.label)
            sets = assign_segments(path, texts, self.fractions, self.max_length)
            return _labelled(self, texts, sets)
        text = read_tagged(find_test_file(path), self.token, self.label)
        test = self.steps(text, cut_segments(whole_sequences(text.offsets), self.max_length))
        note = f"all of {text.path}: {len(test):,} sentences ({len(text.tokens):,} steps)"
        empty = test.with_segments(no_segments())
        return LabelledSteps(self, empty, empty, test, (note, *text.notes))

    def read_unlabelled(self, path: Path) -> UnlabelledText:
        text = read_tagged(find_test_file(path), self.token, None)
        segments = cut_segments(whole_sequences(text.offsets), self.max_length)
        return UnlabelledText(text, self.steps(text, segments))


@dataclass(frozen=True)
class UnlabelledText:
    """A text to label."""

    text: TaggedText
    steps: TokenSteps
    text_column = "text"

    def with_labels(self, labels: Sequence[str], probabilities: Sequence[float]) -> pl.DataFrame:
        """A row for each token; `text` is its line with the predicted label as another column."""
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


def read_labelled_text(
    path: Path, *, token: int, label: int, max_length: int, fractions: Fractions
) -> LabelledSteps:
    """Reads a text, or a folder with a text for each set, and learns the preprocessing.

    token, label: their columns, from 1, 0 for the last; max_length: of a segment, 0 for the default

    Raises: `GatewiseError` with the place in the file, or if there is only one label or too little data.
    """
    texts = _read_texts(path, token, label)
    first = texts["train"]
    assert first.label is not None
    names = learn_labels(str(path), (text.labels or () for text in texts.values()))
    require_classes(str(path), names, sum(len(text.tokens) for text in texts.values()), "tokens")
    max_length = max_length or default_max_length(first.offsets)
    sets = assign_segments(path, texts, fractions, max_length)
    trained = (first.tokens[step] for step in _steps(sets["train"][1]))
    preprocessing = TextPreprocessing(
        token=token,
        label=first.label,
        labels=names,
        tokenizer=learn_words(trained),
        max_length=max_length,
        fractions=fractions,
    )
    return _labelled(preprocessing, texts, sets)


def _read_texts(path: Path, token: int, label: int) -> dict[str, TaggedText]:
    files = find_set_files(path)
    first = read_tagged(files.pop("train"), token, label)
    return {"train": first, **{name: read_tagged(one, token, first.label) for name, one in files.items()}}


def _labelled(
    preprocessing: TextPreprocessing,
    texts: dict[str, TaggedText],
    assigned: Mapping[str, tuple[str, Segments]],
) -> LabelledSteps:
    sets = select_sets(preprocessing.steps, texts, assigned)
    drawn = len(texts) < 3 and not is_split_in_time(texts["train"].offsets)
    notes = (
        *(f"{text.path}: {note}" for text in texts.values() for note in text.notes),
        f"tokens are in column {preprocessing.token}, labels in column {preprocessing.label}",
        f"{len(preprocessing.labels)} labels: {list_labels(preprocessing.labels)}",
        describe_sets({name: one.segments for name, one in sets.items()}, "sentences", drawn),
    )
    return LabelledSteps(preprocessing, sets["train"], sets["validation"], sets["test"], notes)


def _steps(segments: Segments) -> Sequence[int]:
    """The numbers of all steps of segments."""
    pairs = zip(segments.starts, segments.sizes, strict=True)
    return np.concatenate([np.arange(start, start + size) for start, size in pairs]).tolist()
