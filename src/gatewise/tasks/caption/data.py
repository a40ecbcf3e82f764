"""Captions made ready for a network: images split, symbols learned from the part to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.data.images.captions import Captions, CaptionTable
from gatewise.data.images.images import Colour, ImageFiles, describe_sizes, open_images
from gatewise.data.text.symbols import UNKNOWN, Kind, Symbols, learn_symbols
from gatewise.errors import GatewiseError

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
    """Images with captions to train on, to validate, to test on, and the symbols of all captions."""

    table: CaptionTable
    files: ImageFiles
    symbols: Symbols
    train: Captions
    validation: Captions
    test: Captions
    notes: tuple[str, ...] = ()


def prepare_captions(
    table: CaptionTable, wanted: VocabularyConfig, shares: tuple[float, float]
) -> CaptionData:
    """Splits images, learns symbols and the scale of pixels on the part to train on.

    shares: of the images, taken at random to validate and to test, where the table does not say

    Errors: `GatewiseError` where there are too few images, or one is broken.
    """
    parts = split_images(table, shares)
    files = open_images(table.images, wanted.colour, wanted.size)
    files.learn(parts[0])
    learned = (text for number in parts[0] for text in table.captions[number])
    least = wanted.least if wanted.kind == "words" else 1
    symbols = learn_symbols(wanted.kind, learned, wanted.most, least, wanted.lower)
    train, validation, test = (some_captions(table, files, numbers, symbols) for numbers in parts)
    notes = _told(table, files, symbols, train, validation, test)
    return CaptionData(table, files, symbols, train, validation, test, notes)


def split_images(table: CaptionTable, shares: tuple[float, float]) -> tuple[list[int], list[int], list[int]]:
    """The numbers of the images to train on, to validate and to test; the same whenever it is asked.

    Errors: `GatewiseError` where a part would be empty.
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
            f"{table.path} has captions of {count} images; expected at least {FEWEST}, to train on, to "
            "validate and to test"
        )
    mixed = np.random.default_rng(0).permutation(count)
    validation, test, train = np.split(mixed, np.cumsum(held))
    return sorted(train.tolist()), sorted(validation.tolist()), sorted(test.tolist())


def some_captions(
    table: CaptionTable, files: ImageFiles, numbers: Sequence[int], symbols: Symbols
) -> Captions:
    """Those of some of the table's images."""
    return Captions(files, numbers, [table.captions[number] for number in numbers], symbols)


def _told(
    table: CaptionTable,
    files: ImageFiles,
    symbols: Symbols,
    train: Captions,
    validation: Captions,
    test: Captions,
) -> tuple[str, ...]:
    """The images, the parts and the symbols, with what is unknown in the part to test on."""
    kind = "grey" if files.form.channels == 1 else "colour"
    captions = len(train) + len(validation) + len(test)
    first = (
        f"{len(files):,} {kind} images, {describe_sizes(files.sizes)}, with {captions:,} captions of "
        f"{len(symbols):,} symbols"
    )
    unknown = float((test.targets.numbers == UNKNOWN).mean())
    first += f"; unknown in the test part: {unknown:.1%}" if unknown else ""
    counts = (f"{len(part.numbers):,} images" for part in (train, validation, test))
    return first, *table.notes, *files.notes, "{} to train on, {} to validate, {} to test".format(*counts)
