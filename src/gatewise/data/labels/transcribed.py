"""Sequences with a text each, split and ready: images of writing, or the sequences of a long table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.images.captions import CaptionTable, image_column, read_captions
from gatewise.data.images.image_file import SUFFIXES, ImageForm
from gatewise.data.images.images import Colour, find_images, reopen_images
from gatewise.data.images.left_out import shown
from gatewise.data.labels.pieces import divided
from gatewise.data.labels.signals import Signals, texts_of_column, texts_of_table
from gatewise.data.labels.strips import Strips, open_strips
from gatewise.data.labels.transcripts import Alphabet, Symbols, TranscriptSteps, learn_alphabet
from gatewise.data.sequences.long_table import Fill, LongColumns, read_long
from gatewise.data.sequences.plausible import require_steps
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.data.text.pairs import read_text_table
from gatewise.errors import GatewiseError

SHOWN = 40  # symbols that a note lists


@dataclass(frozen=True)
class TextPlan:
    """What becomes of the texts.

    symbols: what they are made of; beam: how many beginnings of a text a search holds, 0 for the best path
    validation_share, test_share: to choose by, and to test on
    part: the column of their table that says train, validation or test; None to draw parts
    """

    symbols: Symbols
    beam: int
    validation_share: float
    test_share: float
    part: str | None = None


@dataclass(frozen=True)
class StripForm:
    """How a model reads images; columns: of file and text in their table."""

    columns: tuple[str, str]
    image: ImageForm
    alphabet: Alphabet
    plan: TextPlan

    def source(self, path: Path) -> Path:
        """The file by which the data are known again: the table, where the folder around it is given."""
        return Path(read_captions(path, file=self.columns[0], caption=self.columns[1]).path)

    def again(self, path: Path, same: bool) -> Transcribed:
        """Images to score a model on: the test part of those it was trained on (`same`), or all others.

        Raises: `GatewiseError` with the place in the table.
        """
        table = _strip_table(path, *self.columns, self.plan.part if same else None)
        strips = Strips(reopen_images(table.images, self.image))
        parts = _parts(path, table.parts, self.plan) if same else None
        told = f"{len(table.images):,} images of {path}"
        return _split(self, strips, strips.height, _names(table), _texts(table), parts, told)

    def new(self, path: Path) -> NewInputs:
        """Images without texts: all of a folder, or those that a table names. Raises: `GatewiseError`."""
        if path.is_dir():
            files = find_images(path)
            names = tuple(shown(str(file.relative_to(path))) for file in files)
        else:
            names, files = image_column(path, self.columns[0])
        strips = Strips(reopen_images(files, self.image))
        return NewInputs(self.columns, names, TranscriptSteps(strips, range(len(names)), None, self.alphabet))


@dataclass(frozen=True)
class SignalForm:
    """How a model reads a long table; targets: the table of texts beside it, None where it has them."""

    columns: LongColumns
    fill: Fill | None
    scales: tuple[Scale, ...]
    targets: str | None
    alphabet: Alphabet
    plan: TextPlan

    def source(self, path: Path) -> Path:
        """The file by which the data are known again."""
        return path

    def again(self, path: Path, same: bool) -> Transcribed:
        """Sequences to score a model on: the test part of those it was trained on (`same`), or all others.

        Raises: `GatewiseError` with the place in the file.
        """
        table, _ = read_long(path, self.columns, labelled=self.targets is None, fill=self.fill)
        texts, named = _signal_texts(path, table, self.targets, self.plan.part if same else None)
        parts = _parts(path, named, self.plan) if same else None
        return _split(self, Signals(table, self.scales), 0, table.ids, texts, parts, *table.notes)

    def new(self, path: Path) -> NewInputs:
        """Sequences without texts. Raises: `GatewiseError`."""
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
    row = read_text_table(path).frame.row(0)
    return any(isinstance(cell, str) and cell.strip().lower().endswith(SUFFIXES) for cell in row)


def read_strips(
    path: Path, file: str | None, text: str | None, colour: Colour, height: int, plan: TextPlan
) -> Transcribed:
    """The images that a table names, and their texts; the table, or the folder that holds both.

    file, text: columns, by default those that are called so; height: in pixels, 0 finds one

    Raises: `GatewiseError` with the place in the table; if an image has several texts.
    """
    table = _strip_table(path, file, text, plan.part)
    strips = open_strips(table.images, colour, height)
    parts = _parts(path, table.parts, plan)
    strips.files.learn(parts[0])
    texts = _texts(table)
    form = StripForm(table.columns, strips.files.form, learn_alphabet(texts, plan.symbols), plan)
    about = f"{len(texts):,} images, {strips.height} pixels high, read column by column"
    notes = (about, *table.notes, *strips.files.notes)
    return _split(form, strips, strips.height, _names(table), texts, parts, *notes)


def read_signals(
    path: Path, columns: LongColumns, fill: Fill | None, targets: str | None, plan: TextPlan
) -> Transcribed:
    """The sequences of a long table, and their texts: in its label column, or in a table beside it.

    Raises: `GatewiseError` with the place in the file.
    """
    table, found = read_long(path, columns, labelled=targets is None, fill=fill)
    table = require_steps(table)
    texts, named = _signal_texts(path, table, targets, plan.part)
    parts = _parts(path, named, plan)
    scales = table.scales(parts[0])
    form = SignalForm(found, fill, scales, targets, learn_alphabet(texts, plan.symbols), plan)
    return _split(form, Signals(table, scales), 0, table.ids, texts, parts, *table.notes)


def _strip_table(path: Path, file: str | None, text: str | None, part: str | None) -> CaptionTable:
    table = read_captions(path, file=file, caption=text, part=part)
    for image, own in zip(table.images, table.captions, strict=True):
        if len(own) > 1:
            raise GatewiseError(
                f"{table.path} has {len(own)} texts for {image.name}; give one for each image"
            )
    return table


def _names(table: CaptionTable) -> tuple[str, ...]:
    return tuple(str(image.relative_to(Path(table.path).parent)) for image in table.images)


def _texts(table: CaptionTable) -> list[str]:
    return [own[0] for own in table.captions]


def _signal_texts(
    path: Path, table: SequenceTable, targets: str | None, part: str | None
) -> tuple[list[str], Sequence[str]]:
    """The text of each sequence, and which part it is in, "" where that is not said."""
    if targets is not None:
        return texts_of_table(path.parent / targets, table.ids, part)
    if part is not None:
        raise GatewiseError(
            f"--split-column {part} is a column of a table of texts; give that table as --targets"
        )
    return texts_of_column(table), [""] * len(table)


def _parts(path: Path, named: Sequence[str], plan: TextPlan) -> list[list[int]]:
    """The numbers to train on, to choose by and to test on; parts that are not named are drawn."""
    own = {
        part: [number for number, one in enumerate(named) if one == part] for part in ("validation", "test")
    }
    rest = np.array([number for number, one in enumerate(named) if one not in own], np.int64)
    shares = {"validation": plan.validation_share, "test": plan.test_share}
    drawn = {part: share for part, share in shares.items() if not own[part]}
    train, *others = (
        rest[one.starts] for one in divided(str(path), np.arange(len(rest) + 1), [*drawn.values()])
    )
    own |= {part: one.tolist() for part, one in zip(drawn, others, strict=True)}
    return [train.tolist(), own["validation"], own["test"]]


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
    told += "" if form.plan.part else ", drawn at random"
    notes = (*notes, f"{len(symbols)} symbols: {listed}", told)
    return Transcribed(form, names, height, train, validation, test, notes)
