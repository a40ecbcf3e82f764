"""What images have in common, seen before they are decoded for good; and the range of those of many bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gatewise.data.images.image_file import SIXTEEN_BITS, Header, header, is_deep, is_halved, opened

if TYPE_CHECKING:
    from PIL.Image import Image

DEPTHS = (8, 10, 12, 14, 16)  # bits of cameras and scanners

Span = tuple[int, int]


class Look(NamedTuple):
    """What an image's file tells; deep: it has more than 8 bits; halved: half of them can't be read."""

    header: Header
    deep: bool
    halved: bool
    frames: int


@dataclass(frozen=True)
class Survey:
    """What the files of images tell.

    headers: of each; deep: those of more than 8 bits; notes: what a reader of the scores must know
    """

    headers: list[Header]
    deep: tuple[Path, ...]
    notes: tuple[str, ...]


def look(image: Image) -> Look:
    """What an opened image tells."""
    return Look(header(image), is_deep(image), is_halved(image), getattr(image, "n_frames", 1))


def survey(paths: Sequence[Path]) -> Survey:
    """Looks at every file. Raises: `GatewiseError` that names one that is no image."""
    looks = [opened(path, look) for path in paths]
    halved = sum(one.halved for one in looks)
    moving = sum(one.frames > 1 for one in looks)
    notes = []
    if halved:
        notes.append(f"images of 16 bits a channel, of which the upper 8 are read: {halved:,}")
    if moving:
        notes.append(f"images of several frames or pages, of which the first is read: {moving:,}")
    deep = tuple(path for path, one in zip(paths, looks, strict=True) if one.deep)
    return Survey([one.header for one in looks], deep, tuple(notes))


def find_span(paths: Iterable[Path]) -> Span | None:
    """The lowest and the highest value of images of more than 8 bits, in all of their frames.

    Raises: `GatewiseError` that names a broken file.
    """
    found = [opened(path, _extremes) for path in paths]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def usual_span(found: Span | None) -> Span | None:
    """From 0 to all that the fewest bits can hold which hold these values, for a model that knows no span.

    >>> usual_span((3, 700)), usual_span((0, 65535)), usual_span((-5, 70000))
    ((0, 1023), (0, 65535), None)
    """
    if found is None or found[0] < 0 or found[1] > SIXTEEN_BITS:
        return None
    return 0, next(2**bits - 1 for bits in DEPTHS if found[1] < 2**bits)


def told_span(span: Span, count: int, kind: str = "images") -> str:
    """What becomes of the values of images of many bits, as a sentence."""
    return f"{kind} of more than 8 bits: {count:,}; their values {span[0]} to {span[1]} become 0 to 255"


def _extremes(image: Image) -> Span:
    found = []
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        values = np.asarray(image)
        found.append((int(values.min()), int(values.max())))
    return min(low for low, _ in found), max(high for _, high in found)
