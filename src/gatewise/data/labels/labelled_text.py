"""Tagged text, split and ready for a network; and read again as a model learned to read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.labels.labelled import (
    CHANCE,
    PREDICTED,
    LabelledSteps,
    learn_labels,
    shown_labels,
    unknown_label,
)
from gatewise.data.labels.part_files import part_files, to_test
from gatewise.data.labels.pieces import (
    Pieces,
    assigned,
    cut,
    describe_parts,
    in_time,
    nothing,
    usual_cut,
    whole,
)
from gatewise.data.labels.tagged import TaggedText, read_tagged
from gatewise.data.labels.token_steps import TokenSteps, Vocabulary, learn_vocabulary
from gatewise.data.sequences.plausible import require_classes
from gatewise.data.text.lines import Lines


@dataclass(frozen=True)
class TextForm:
    """How a model reads tagged text.

    token, label: their columns, from 1; labels: the names, by number
    most: steps of a piece at most, 0 for whole sentences; validation_share, test_share: of one file
    """

    token: int
    label: int
    labels: tuple[str, ...]
    vocabulary: Vocabulary
    most: int
    validation_share: float
    test_share: float

    @property
    def shares(self) -> dict[str, float]:
        return {"validation": self.validation_share, "test": self.test_share}

    def numbers(self, text: TaggedText) -> np.ndarray:
        """The labels of a text by number. Raises: `GatewiseError` with the line of an unknown one."""
        known = {name: number for number, name in enumerate(self.labels)}
        assert text.labels is not None
        for number, label in enumerate(text.labels):
            if label not in known:
                raise unknown_label(f"{text.path}, {text.place(number)}", label, self.labels)
        return np.array([known[label] for label in text.labels])

    def steps(self, text: TaggedText, pieces: Pieces) -> TokenSteps:
        """Pieces of a text, with their labels where it has some."""
        labels = None if text.labels is None else self.numbers(text)
        return TokenSteps(text.tokens, labels, self.vocabulary, pieces, text.place)

    def again(self, path: Path, same: bool) -> LabelledSteps:
        """Text to score a model on: the test part of what it was trained on (`same`), or all of another.

        Raises: `GatewiseError` with the place in the file, also of a label that the model does not know.
        """
        if same:
            texts = _texts(path, self.token, self.label)
            offsets = {part: text.offsets for part, text in texts.items()}
            return _labelled(self, texts, assigned(str(path), offsets, self.shares, self.most))
        text = read_tagged(to_test(path), self.token, self.label)
        test = self.steps(text, cut(whole(text.offsets), self.most))
        note = f"all of {text.path}: {len(test):,} sentences ({len(text.tokens):,} steps)"
        return LabelledSteps(self, self.labels, None, test.part(nothing()), test, (note, *text.notes))

    def new(self, path: Path) -> NewText:
        """Text without labels, or whose labels are not looked at. Raises: `GatewiseError`."""
        text = read_tagged(to_test(path), self.token, None)
        return NewText(text, self.steps(text, cut(whole(text.offsets), self.most)))


@dataclass(frozen=True)
class NewText:
    """A text to label."""

    text: TaggedText
    steps: TokenSteps
    lines = "text"

    def told(self, labels: Sequence[str], chances: Sequence[float]) -> pl.DataFrame:
        """A row for each token with its label; `text` is its line, and the label as one column more."""
        text, blank = self.text, "\t" if self.text.tabs else " "
        lines = Lines(text.path)
        ends = set(text.offsets[1:].tolist())
        told = [
            f"{lines[line - 1].rstrip()}{blank}{label}" + "\n" * (number in ends)
            for number, (line, label) in enumerate(zip(text.lines.tolist(), labels, strict=True), 1)
        ]
        sentence = np.repeat(np.arange(1, len(text.offsets)), np.diff(text.offsets))
        return pl.DataFrame(
            {"line": text.lines, "sentence": sentence, "token": text.tokens, PREDICTED: labels,
             CHANCE: np.round(chances, 4), "text": told}
        )  # fmt: skip


def read_labelled_text(
    path: Path, token: int, label: int, most: int, validation_share: float, test_share: float
) -> LabelledSteps:
    """A text, or a folder of texts for each part, and what a model must know to read others like it.

    token, label: their columns, from 1, 0 for the last; most: tokens of a piece at most, 0 finds a number

    Raises: `GatewiseError` with the place in the file; if there is one label only, or too little.
    """
    texts = _texts(path, token, label)
    first = texts["train"]
    assert first.label is not None
    names = learn_labels(str(path), (text.labels or () for text in texts.values()))
    require_classes(str(path), names, sum(len(text.tokens) for text in texts.values()), "tokens")
    most = most or usual_cut(first.offsets)
    bare = TextForm(token, first.label, names, Vocabulary((), ()), most, validation_share, test_share)
    parts = assigned(str(path), {part: text.offsets for part, text in texts.items()}, bare.shares, most)
    trained = (first.tokens[step] for step in _steps(parts["train"][1]))
    form = TextForm(token, first.label, names, learn_vocabulary(trained), most, validation_share, test_share)
    return _labelled(form, texts, parts)


def _texts(path: Path, token: int, label: int) -> dict[str, TaggedText]:
    files = part_files(path)
    first = read_tagged(files.pop("train"), token, label)
    return {"train": first, **{part: read_tagged(one, token, first.label) for part, one in files.items()}}


def _labelled(
    form: TextForm, texts: dict[str, TaggedText], parts: dict[str, tuple[str, Pieces]]
) -> LabelledSteps:
    sources = {part: form.steps(text, whole(text.offsets)) for part, text in texts.items()}
    sets = {part: sources[source].part(pieces) for part, (source, pieces) in parts.items()}
    drawn = len(texts) < 3 and not in_time(texts["train"].offsets)
    notes = (
        *(f"{text.path}: {note}" for text in texts.values() for note in text.notes),
        f"tokens are in column {form.token}, labels in column {form.label}",
        f"{len(form.labels)} labels: {shown_labels(form.labels)}",
        describe_parts({part: one.pieces for part, one in sets.items()}, "sentences", drawn),
    )
    return LabelledSteps(form, form.labels, sets["train"], sets["validation"], sets["test"], notes)


def _steps(pieces: Pieces) -> Sequence[int]:
    ranges = [np.arange(start, start + size) for start, size in zip(pieces.starts, pieces.sizes, strict=True)]
    return np.concatenate(ranges).tolist()
