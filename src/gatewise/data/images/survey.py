"""The properties of many images before they are decoded, and the range of values of deep ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gatewise.data.images.image_file import (
    SIXTEEN_BITS,
    ImageHeader,
    header,
    is_deep,
    is_halved,
    is_turned,
    read_with,
)

if TYPE_CHECKING:
    from PIL.Image import Image

DEPTHS = (8, 10, 12, 14, 16)  # bits of cameras and scanners

ValueRange = tuple[int, int]


class ImageInfo(NamedTuple):
    """The properties of an image.

    deep: whether it has more than 8 bits; halved: whether only the upper half can be read
    frames: their number; turned: whether it is not stored upright
    alpha: whether its pixels may be transparent
    """

    header: ImageHeader
    deep: bool
    halved: bool
    frames: int
    turned: bool
    alpha: bool


@dataclass(frozen=True)
class ImageSurvey:
    """The properties of many images. deep: those with more than 8 bits; notes: on what is not read"""

    headers: list[ImageHeader]
    deep: tuple[Path, ...]
    notes: tuple[str, ...]


def examine(image: Image) -> ImageInfo:
    """The properties of an opened image."""
    return ImageInfo(
        header(image),
        is_deep(image),
        is_halved(image),
        getattr(image, "n_frames", 1),
        is_turned(image),
        image.has_transparency_data,
    )


def survey_images(paths: Sequence[Path]) -> ImageSurvey:
    """Examines all files. Raises: `GatewiseError` with one that is not an image."""
    infos = [read_with(path, examine) for path in paths]
    halved = sum(one.halved for one in infos)
    animated = sum(one.frames > 1 for one in infos)
    notes = []
    if halved:
        notes.append(f"images with 16 bits per channel, of which the upper 8 are read: {halved:,}")
    if animated:
        notes.append(f"images with several frames or pages, of which the first is read: {animated:,}")
    if turned := sum(one.turned for one in infos):
        notes.append(f"images rotated or mirrored upright by their EXIF data: {turned:,}")
    if alpha := sum(one.alpha for one in infos):
        notes.append(f"images whose pixels may be transparent, blended with white: {alpha:,}")
    deep = tuple(path for path, one in zip(paths, infos, strict=True) if one.deep)
    return ImageSurvey([one.header for one in infos], deep, tuple(notes))


def find_value_range(paths: Iterable[Path]) -> ValueRange | None:
    """The lowest and the highest value in all frames of deep images; None if there are none.

    Raises: `GatewiseError` with the path of a damaged file.
    """
    found = [read_with(path, _extremes) for path in paths]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def default_value_range(found: ValueRange | None) -> ValueRange | None:
    """The range of the smallest depth that contains all values, for a model that has learned none.

    >>> default_value_range((3, 700)), default_value_range((0, 65535)), default_value_range((-5, 70000))
    ((0, 1023), (0, 65535), None)
    """
    if found is None or found[0] < 0 or found[1] > SIXTEEN_BITS:
        return None
    return 0, next(2**bits - 1 for bits in DEPTHS if found[1] < 2**bits)


def describe_range(span: ValueRange, count: int, kind: str = "images") -> str:
    """A note on the scaling of deep images."""
    return f"{kind} of more than 8 bits: {count:,}; their values {span[0]} to {span[1]} become 0 to 255"


def _extremes(image: Image) -> ValueRange:
    found = []
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        values = np.asarray(image)
        found.append((int(values.min()), int(values.max())))
    return min(low for low, _ in found), max(high for _, high in found)
