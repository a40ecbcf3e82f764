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
from gatewise.data.splits import Fractions, Split, named_split, random_split
from gatewise.data.tokenizers.sentences import UNKNOWN, SentenceTokenizer, TokenUnit, learn_sentences
from gatewise.errors import GatewiseError
from gatewise.tasks.caption.options import CaptionOptions

MIN_IMAGES = 5


@dataclass(frozen=True, kw_only=True)
class CaptionConfig:
    """How captions and images are converted to numbers.

    kind, vocabulary, min_count, lower: of the tokenizer, as in `learn_sentences`
    colour, size: of the images, as in `open_images`
    """

    kind: TokenUnit = "words"
    vocabulary: int = 10_000
    min_count: int = 1
    lower: bool = False
    colour: Colour = "auto"
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class CaptionData:
    """Images with captions: the training, validation and test sets, and the vocabulary."""

    table: CaptionTable
    files: ImageFiles
    symbols: SentenceTokenizer
    train: Captions
    validation: Captions
    test: Captions
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads images and captions.

    form: of the images
    symbols: the vocabulary
    images, columns, split_column: the folder of images, the columns, and that of the sets
    source: the fingerprint of the training data
    fractions: of the sets that are drawn
    """

    form: ImageForm
    symbols: dict[str, Any]
    images: str | None
    columns: tuple[str, str]
    split_column: str | None
    source: str
    fractions: Fractions

    @classmethod
    def of(cls, data: CaptionData, options: CaptionOptions) -> Self:
        """How the data were read with the options."""
        return cls(
            form=data.files.form,
            symbols=data.symbols.to_data(),
            images=options.images,
            columns=data.table.columns,
            split_column=options.split_column,
            source=fingerprint(Path(data.table.given)),
            fractions=Fractions(options.validation_fraction, options.test_fraction),
        )

    def table(self, path: Path, trained: bool) -> CaptionTable:
        """Reads images with captions; trained: whether the file is the training data."""
        images = Path(self.images) if trained and self.images else None
        file, caption = self.columns
        split_column = self.split_column if trained else None
        return read_captions(path, images, file=file, caption=caption, split_column=split_column)


def read_data(path: Path, options: CaptionOptions) -> CaptionData:
    """Reads images with captions, splits them, and learns the vocabulary.

    Raises: `GatewiseError` if the images have several heights, and the encoder reads columns.
    """
    images = Path(options.images) if options.images else None
    table = read_captions(
        path, images, file=options.file, caption=options.caption, split_column=options.split_column
    )
    config = CaptionConfig(
        kind=options.tokenizer,
        vocabulary=options.vocabulary,
        min_count=options.min_count,
        lower=options.lowercase,
        colour=options.colour,
        size=read_size(options.size or ""),
    )
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    data = prepare_captions(table, config, fractions)
    heights = data.files.sizes[:, 0]
    if options.encoder == "columns" and (heights != heights[0]).any():
        index = int((heights != heights[0]).argmax())
        raise GatewiseError(
            f"{table.images[0]} is {heights[0]} pixels high and {table.images[index]} {heights[index]}; "
            f"columns need one height: give --size {heights.min()}x, or --encoder positions"
        )
    return data


def read_further_data(
    path: Path, preprocessing: Preprocessing, options: CaptionOptions, height: int | None
) -> CaptionData:
    """Images with captions to train a model further on, with its scale of pixels and its vocabulary.

    height: of all images, if the model needs one
    """
    images, (file, caption) = Path(options.images) if options.images else None, preprocessing.columns
    table = read_captions(path, images, file=file, caption=caption, split_column=options.split_column)
    files = reopen_images(table.images, preprocessing.form)
    check_heights(table.images, files.sizes, height)
    split = split_images(table, Fractions(options.validation_fraction, options.test_fraction))
    return _divided(table, files, split, SentenceTokenizer.from_data(preprocessing.symbols))


def read_test_data(path: Path, preprocessing: Preprocessing, height: int | None) -> CaptionData:
    """The test set of the data that a model was trained on, or all of other data.

    height: of all images, if the model needs one
    """
    trained = path.exists() and fingerprint(path) == preprocessing.source
    table = preprocessing.table(path, trained)
    numbers = split_images(table, preprocessing.fractions).test if trained else list(range(len(table.images)))
    files = reopen_images(table.images, preprocessing.form)
    check_heights(table.images, files.sizes, height)
    symbols = SentenceTokenizer.from_data(preprocessing.symbols)
    test, empty = (some_captions(table, files, subset, symbols) for subset in (numbers, []))
    note = f"{len(numbers):,} images to test" + (", which the model has not seen" if trained else "")
    return CaptionData(table, files, symbols, empty, empty, test, (note, *files.notes))


def check_heights(images: Sequence[Path], sizes: np.ndarray, height: int | None) -> None:
    """Raises: `GatewiseError` if an image has another height than the one that the model needs."""
    differs = sizes[:, 0] != height
    if height is not None and differs.any():
        index = int(differs.argmax())
        raise GatewiseError(
            f"{images[index]} is {sizes[index, 0]} pixels high; the model was trained on images of "
            f"{height}, and without a --size to resize others to"
        )


def prepare_captions(table: CaptionTable, config: CaptionConfig, fractions: Fractions) -> CaptionData:
    """Splits images, and learns the tokenizer and the scale of pixels from the training set.

    fractions: of the sets that are drawn, if the table does not name them

    Raises: `GatewiseError` if there are too few images, or one is damaged.
    """
    split = split_images(table, fractions)
    files = open_images(table.images, config.colour, config.size)
    files.fit(split.train)
    texts = (text for number in split.train for text in table.captions[number])
    min_count = config.min_count if config.kind == "words" else 1
    symbols = learn_sentences(config.kind, texts, config.vocabulary, min_count, config.lower)
    return _divided(table, files, split, symbols)


def _divided(table: CaptionTable, files: ImageFiles, split: Split, symbols: SentenceTokenizer) -> CaptionData:
    """The sets of a split."""
    train, validation, test = (some_captions(table, files, numbers, symbols) for numbers in split)
    notes = _describe(table, files, symbols, train, validation, test)
    return CaptionData(table, files, symbols, train, validation, test, notes)


def split_images(table: CaptionTable, fractions: Fractions) -> Split:
    """The images of each set: as the table names them, or else drawn at random.

    Raises: `GatewiseError` if a set would be empty.
    """
    if not any(table.sets):
        images = "images with captions"
        return random_split(
            len(table.images), fractions, table.path, images, minimum=MIN_IMAGES, held_out_first=True
        )
    split = named_split(table.sets)
    for name, numbers in split._asdict().items():
        if not numbers:
            raise GatewiseError(f"{table.path}: no image is in the set {name!r}; name some for each set")
    return split


def some_captions(
    table: CaptionTable, files: ImageFiles, numbers: Sequence[int], symbols: SentenceTokenizer
) -> Captions:
    """The captions of some of the table's images."""
    return Captions(files, numbers, [table.captions[number] for number in numbers], symbols)


def _describe(
    table: CaptionTable,
    files: ImageFiles,
    symbols: SentenceTokenizer,
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
