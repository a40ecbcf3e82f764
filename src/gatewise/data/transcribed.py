"""Sequences with a text each, split and ready: images of writing, or the sequences of a long table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.captions import read_captions
from gatewise.data.class_folders import natural
from gatewise.data.image_file import SUFFIXES, ImageForm, is_image
from gatewise.data.images import Colour, reopen_images
from gatewise.data.long_table import Fill, LongColumns, read_long
from gatewise.data.pairs import read_text_table
from gatewise.data.pieces import divided
from gatewise.data.scaling import Scale
from gatewise.data.sequences import SequenceTable
from gatewise.data.signals import Signals, texts_of_column, texts_of_table
from gatewise.data.strips import Strips, open_strips
from gatewise.data.transcripts import Alphabet, Symbols, TranscriptSteps, learn_alphabet
from gatewise.errors import GatewiseError

SHOWN = 40  # symbols that a note lists


@dataclass(frozen=True)
class TextPlan:
    """What becomes of the texts.

    symbols: what they are made of; beam: how many beginnings of a text a search holds, 0 for the best path
    validation_share, test_share: to choose by, and to test on
    """

    symbols: Symbols
    beam: int
    validation_share: float
    test_share: float


@dataclass(frozen=True)
class StripForm:
    """How a model reads images; columns: of file and text in their table."""

    columns: tuple[str, str]
    image: ImageForm
    alphabet: Alphabet
    plan: TextPlan

    def again(self, path: Path, same: bool) -> Transcribed:
        """Images to score a model on: the test part of those it was trained on (`same`), or all others.

        Errors: `GatewiseError` with the place in the table.
        """
        names, paths, texts, _ = _strip_table(path, *self.columns)
        strips = Strips(reopen_images(paths, self.image))
        parts = _parts(path, len(paths), self.plan) if same else None
        return _split(self, strips, strips.height, names, texts, parts, f"{len(paths):,} images of {path}")

    def new(self, path: Path) -> NewInputs:
        """Images without texts: all of a folder, or those that a table names. Errors: `GatewiseError`."""
        names, folder = _image_names(path, self.columns[0])
        for name in names:
            if not (folder / name).is_file():
                raise GatewiseError(f"{path}: there is no image {str(folder / name)!r}")
        if not names:
            raise GatewiseError(f"{path} holds no images")
        strips = Strips(reopen_images([folder / name for name in names], self.image))
        steps = TranscriptSteps(strips, range(len(names)), None, self.alphabet)
        return NewInputs(self.columns, tuple(names), steps)


@dataclass(frozen=True)
class SignalForm:
    """How a model reads a long table; targets: the table of texts beside it, None where it has them."""

    columns: LongColumns
    fill: Fill | None
    scales: tuple[Scale, ...]
    targets: str | None
    alphabet: Alphabet
    plan: TextPlan

    def again(self, path: Path, same: bool) -> Transcribed:
        """Sequences to score a model on: the test part of those it was trained on (`same`), or all others.

        Errors: `GatewiseError` with the place in the file.
        """
        table, _ = read_long(path, self.columns, labelled=self.targets is None, fill=self.fill)
        parts = _parts(path, len(table), self.plan) if same else None
        texts = _signal_texts(path, table, self.targets)
        return _split(self, Signals(table, self.scales), 0, table.ids, texts, parts, *table.notes)

    def new(self, path: Path) -> NewInputs:
        """Sequences without texts. Errors: `GatewiseError`."""
        table, _ = read_long(path, replace(self.columns, label=None), labelled=False, fill=self.fill)
        steps = TranscriptSteps(Signals(table, self.scales), range(len(table)), None, self.alphabet)
        return NewInputs((str(self.columns.id), self.columns.label or "text"), table.ids, steps)


@dataclass(frozen=True)
class NewInputs:
    """Inputs to read; columns: what they and their texts are called."""

    columns: tuple[str, str]
    names: tuple[str, ...]
    steps: TranscriptSteps

    def told(self, texts: Sequence[str], chances: Sequence[float]) -> pl.DataFrame:
        """A row for each with its text."""
        name, text = self.columns
        return pl.DataFrame({name: self.names, text: texts, "probability": np.round(chances, 4)})


@dataclass(frozen=True)
class Transcribed:
    """Data sets of sequences with their texts.

    form: how they were read, plain data; names: of all inputs; train: None where a model is only scored
    height: of the columns where they are images, else 0; notes: how the data were split, a sentence each
    source: tells these data from others
    """

    form: StripForm | SignalForm
    names: tuple[str, ...]
    height: int
    train: Any
    validation: TranscriptSteps
    test: TranscriptSteps
    notes: tuple[str, ...]
    source: str = ""

    @property
    def alphabet(self) -> Alphabet:
        return self.form.alphabet

    @property
    def beam(self) -> int:
        return self.form.plan.beam

    @property
    def channels(self) -> int:
        """C, the numbers of a step."""
        return self.test.inputs.channels


def names_images(path: Path) -> bool:
    """Whether it is a folder of images, or a table that names some."""
    if path.is_dir():
        return True
    row = read_text_table(path).frame.head(1).select(pl.all().cast(pl.String, strict=False))
    return any(str(cell or "").strip().lower().endswith(SUFFIXES) for cell in row.row(0))


def read_strips(
    path: Path, file: str | None, text: str | None, colour: Colour, height: int, plan: TextPlan
) -> Transcribed:
    """The images that a table names, and their texts; the table, or the folder that holds both.

    file, text: columns, by default those that are called so; height: in pixels, 0 finds one

    Errors: `GatewiseError` with the place in the table; where an image has several texts.
    """
    names, paths, texts, columns = _strip_table(path, file, text)
    alphabet = learn_alphabet(texts, plan.symbols)
    strips = open_strips(paths, colour, height)
    parts = _parts(path, len(paths), plan)
    strips.files.learn(parts[0])
    form = StripForm(columns, strips.files.form, alphabet, plan)
    about = f"{len(paths):,} images, brought to a height of {strips.height} pixels and read column by column"
    return _split(form, strips, strips.height, names, texts, parts, about)


def read_signals(
    path: Path, columns: LongColumns, fill: Fill | None, targets: str | None, plan: TextPlan
) -> Transcribed:
    """The sequences of a long table, and their texts: in its label column, or in a table beside it.

    Errors: `GatewiseError` with the place in the file.
    """
    table, found = read_long(path, columns, labelled=targets is None, fill=fill)
    texts = _signal_texts(path, table, targets)
    parts = _parts(path, len(table), plan)
    scales = table.scales(parts[0])
    form = SignalForm(found, fill, scales, targets, learn_alphabet(texts, plan.symbols), plan)
    return _split(form, Signals(table, scales), 0, table.ids, texts, parts, *table.notes)


def _strip_table(
    path: Path, file: str | None, text: str | None
) -> tuple[tuple[str, ...], list[Path], list[str], tuple[str, str]]:
    table = read_captions(path, file=file, caption=text)
    for image, own in zip(table.images, table.captions, strict=True):
        if len(own) > 1:
            raise GatewiseError(
                f"{table.path} has {len(own)} texts for {image.name}; give one for each image"
            )
    folder = Path(table.path).parent
    names = tuple(str(image.relative_to(folder)) for image in table.images)
    return names, list(table.images), [own[0] for own in table.captions], table.columns


def _image_names(path: Path, column: str) -> tuple[list[str], Path]:
    """The images of a folder, or those that a table names; and the folder."""
    if path.is_dir():
        return sorted((one.name for one in path.iterdir() if is_image(one)), key=natural), path
    named = read_text_table(path).column(column, "file of an image")
    return [str(name or "") for name in named], path.parent


def _signal_texts(path: Path, table: SequenceTable, targets: str | None) -> list[str]:
    return texts_of_column(table) if targets is None else texts_of_table(path.parent / targets, table.ids)


def _parts(path: Path, count: int, plan: TextPlan) -> list[list[int]]:
    """The numbers to train on, to choose by and to test on."""
    shares = (plan.validation_share, plan.test_share)
    return [one.starts.tolist() for one in divided(str(path), np.arange(count + 1), shares)]


def _split(
    form: StripForm | SignalForm,
    inputs: Strips | Signals,
    height: int,
    names: tuple[str, ...],
    texts: Sequence[str],
    parts: list[list[int]] | None,
    *notes: str,
) -> Transcribed:
    def steps(numbers: Sequence[int]) -> TranscriptSteps:
        return TranscriptSteps(inputs, numbers, [texts[number] for number in numbers], form.alphabet)

    if parts is None:
        test = steps(range(len(names)))
        return Transcribed(form, names, height, None, steps([]), test, notes)
    train, validation, test = (steps(one) for one in parts)
    symbols = form.alphabet.symbols
    listed = " ".join(symbols[:SHOWN]) + (f" and {len(symbols) - SHOWN} more" if len(symbols) > SHOWN else "")
    told = f"{len(train):,} to train on, {len(validation):,} to choose by, {len(test):,} to test on"
    notes = (*notes, f"{len(symbols)} symbols: {listed}", f"{told}, drawn at random")
    return Transcribed(form, names, height, train, validation, test, notes)
