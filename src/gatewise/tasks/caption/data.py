"""Images with captions, split, with a vocabulary; how a trained model reads new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from gatewise.data.fingerprint import fingerprint
from gatewise.data.images.captions import Captions, CaptionTable, read_captions
from gatewise.data.images.image_file import ImageForm, read_size
from gatewise.data.images.images import (
    Colour,
    ImageFiles,
    describe_sizes,
    open_images,
    reopen_images,
)
from gatewise.data.text.symbols import UNKNOWN, Kind, Symbols, learn_symbols
from gatewise.errors import GatewiseError
from gatewise.tasks.caption.options import CaptionOptions

PARTS, FEWEST = ("train", "validation", "test"), 5


@dataclass(frozen=True)
class VocabularyConfig:
    """How captions and images become numbers.

    kind, most, least, lower: of the symbols, as in `learn_symbols`
    colour, size: of the images, as in `open_images`
    """

    kind: Kind = "words"
    most: int = 10_000
    least: int = 1
    lower: bool = False
    colour: Colour = "auto"
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class CaptionData:
    """Images with captions: the training, validation and test sets, and the vocabulary."""

    table: CaptionTable
    files: ImageFiles
    symbols: Symbols
    train: Captions
    validation: Captions
    test: Captions
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads images and captions.

    form: of the images
    symbols: the vocabulary
    images, columns, part: the folder of images, the columns, and the column of the split
    source: the fingerprint of the training data
    shares: the fractions for validation and test
    """

    form: ImageForm
    symbols: dict[str, Any]
    images: str | None
    columns: tuple[str, str]
    part: str | None
    source: str
    shares: tuple[float, float]

    @classmethod
    def of(cls, data: CaptionData, options: CaptionOptions) -> Self:
        """How the data were read with the options."""
        return cls(
            form=data.files.form,
            symbols=data.symbols.to_data(),
            images=options.images,
            columns=data.table.columns,
            part=options.split_column,
            source=fingerprint(Path(data.table.given)),
            shares=(options.validation_fraction, options.test_fraction),
        )

    def table(self, path: Path, trained: bool) -> CaptionTable:
        """Reads images with captions; trained: whether the file is the training data."""
        images = Path(self.images) if trained and self.images else None
        return read_captions(path, images, *self.columns, self.part if trained else None)


def read_data(path: Path, options: CaptionOptions) -> CaptionData:
    """Reads images with captions, splits them, and learns the vocabulary.

    Errors: `GatewiseError` where the images have several heights, and the encoder reads columns.
    """
    images = Path(options.images) if options.images else None
    table = read_captions(path, images, options.file, options.caption, options.split_column)
    vocabulary = VocabularyConfig(
        kind=options.tokenizer,
        most=options.vocabulary,
        least=options.min_count,
        lower=options.lowercase,
        colour=options.colour,
        size=read_size(options.size or ""),
    )
    data = prepare_captions(table, vocabulary, (options.validation_fraction, options.test_fraction))
    heights = data.files.sizes[:, 0]
    if options.encoder == "columns" and (heights != heights[0]).any():
        other = int((heights != heights[0]).argmax())
        raise GatewiseError(
            f"{table.images[0]} is {heights[0]} pixels high and {table.images[other]} {heights[other]}; "
            f"columns need one height: give --size {heights.min()}x, or --encoder positions"
        )
    return data


def read_test_data(path: Path, preprocessing: Preprocessing, height: int | None) -> CaptionData:
    """The test set of the data that a model was trained on, or all of other data.

    height: of all images, if the model needs one
    """
    trained = path.exists() and fingerprint(path) == preprocessing.source
    table = preprocessing.table(path, trained)
    numbers = split_images(table, preprocessing.shares)[2] if trained else list(range(len(table.images)))
    files = reopen_images(table.images, preprocessing.form)
    check_heights(table.images, files.sizes, height)
    symbols = Symbols.from_data(preprocessing.symbols)
    test, none = (some_captions(table, files, some, symbols) for some in (numbers, []))
    note = f"{len(numbers):,} images to test" + (", which the model has not seen" if trained else "")
    return CaptionData(table, files, symbols, none, none, test, (note, *files.notes))


def check_heights(images: Sequence[Path], sizes: np.ndarray, height: int | None) -> None:
    """Raises: `GatewiseError` if an image has another height than the one that the model needs."""
    wrong = sizes[:, 0] != height
    if height is not None and wrong.any():
        which = int(wrong.argmax())
        raise GatewiseError(
            f"{images[which]} is {sizes[which, 0]} pixels high; the model was trained on images of "
            f"{height}, and without a --size to resize others to"
        )


def prepare_captions(
    table: CaptionTable, wanted: VocabularyConfig, shares: tuple[float, float]
) -> CaptionData:
    """Splits images; learns the vocabulary and the scale of pixels on the training set.

    shares: fractions of the images for validation and test, at random, if the table has no split

    Errors: `GatewiseError` where there are too few images, or one is broken.
    """
    parts = split_images(table, shares)
    files = open_images(table.images, wanted.colour, wanted.size)
    files.learn(parts[0])
    learned = (text for number in parts[0] for text in table.captions[number])
    least = wanted.least if wanted.kind == "words" else 1
    symbols = learn_symbols(wanted.kind, learned, wanted.most, least, wanted.lower)
    train, validation, test = (some_captions(table, files, numbers, symbols) for numbers in parts)
    notes = _describe(table, files, symbols, train, validation, test)
    return CaptionData(table, files, symbols, train, validation, test, notes)


def split_images(table: CaptionTable, shares: tuple[float, float]) -> tuple[list[int], list[int], list[int]]:
    """The numbers of the training, validation and test images; always the same.

    Errors: `GatewiseError` where a set would be empty.
    """
    if any(table.parts):
        own = tuple([place for place, one in enumerate(table.parts) if one == part] for part in PARTS)
        for part, numbers in zip(PARTS, own, strict=True):
            if not numbers:
                raise GatewiseError(
                    f"{table.path}: no image is in the part {part!r}; name some for each part"
                )
        return own[0], own[1], own[2]
    count = len(table.images)
    held = [max(round(share * count), 1) for share in shares]
    if count < FEWEST or sum(held) >= count:
        raise GatewiseError(
            f"{table.path} has captions of {count} images; expected at least {FEWEST}, for the "
            "training, validation and test sets"
        )
    mixed = np.random.default_rng(0).permutation(count)
    validation, test, train = np.split(mixed, np.cumsum(held))
    return sorted(train.tolist()), sorted(validation.tolist()), sorted(test.tolist())


def some_captions(
    table: CaptionTable, files: ImageFiles, numbers: Sequence[int], symbols: Symbols
) -> Captions:
    """The captions of some of the table's images."""
    return Captions(files, numbers, [table.captions[number] for number in numbers], symbols)


def _describe(
    table: CaptionTable,
    files: ImageFiles,
    symbols: Symbols,
    train: Captions,
    validation: Captions,
    test: Captions,
) -> tuple[str, ...]:
    """What was read: images, vocabulary, unknown symbols of the test set, sizes of the sets."""
    kind = "grey" if files.form.channels == 1 else "colour"
    captions = len(train) + len(validation) + len(test)
    first = (
        f"{len(files):,} {kind} images, {describe_sizes(files.sizes)}, with {captions:,} captions of "
        f"{len(symbols):,} symbols"
    )
    unknown = float((test.targets.numbers == UNKNOWN).mean())
    first += f"; unknown in the test set: {unknown:.1%}" if unknown else ""
    counts = [f"{len(split.numbers):,} images" for split in (train, validation, test)]
    sizes = "training set {}, validation set {}, test set {}".format(*counts)
    return first, *table.notes, *files.notes, sizes
