"""Many images by number: decoded when a batch asks for them, the first of them kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gatewise.data.images.class_folders import natural
from gatewise.data.images.image_file import Header, ImageForm, is_image, read_image
from gatewise.data.images.survey import Survey, find_span, survey, told_span, usual_span
from gatewise.errors import GatewiseError

MEMORY = 2**30  # bytes of decoded images that are kept
SAMPLE = 2000  # images that a mean and a deviation are learned from
LARGE = 256 * 256  # pixels of an image, above which training takes long
MOST_AT_ONCE, NUMBERS_AT_ONCE = 256, 1 << 22  # of a batch; a convolution makes many times as many of them

Colour = Literal["auto", "grey", "colour"]


class Kept:
    """Arrays by number: what was read first is kept while the memory lasts, the rest is read again.

    >>> kept = Kept(lambda number: np.full(10, number, np.uint8), memory=15)
    >>> [int(kept[number][0]) for number in (3, 4, 3)], kept.left
    ([3, 4, 3], 5)
    """

    def __init__(self, read: Callable[[int], np.ndarray], memory: int) -> None:
        self.read, self.left = read, memory
        self._arrays: dict[int, np.ndarray] = {}

    def __getitem__(self, number: int) -> np.ndarray:
        found = self._arrays.get(number)
        if found is None:
            found = self.read(number)
            if found.nbytes <= self.left:
                self._arrays[number] = found
                self.left -= found.nbytes
        return found


class ImageFiles:
    """Images by number.

    paths: the files; form: how each becomes numbers; sizes: [N, 2], height and width of each
    memory: bytes of decoded images to keep; notes: what is not read as it is, a sentence each
    """

    def __init__(
        self,
        paths: Sequence[Path],
        form: ImageForm,
        sizes: np.ndarray,
        memory: int = MEMORY,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.paths, self.form, self.sizes, self.notes = tuple(paths), form, sizes, notes
        bare = replace(form, mean=(), deviation=())
        self._kept = Kept(lambda number: read_image(self.paths[number], bare), memory)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> np.ndarray:
        """[H, W, C] bytes. Raises: `GatewiseError` that names a broken file."""
        return self._kept[number]

    def learn(self, numbers: Sequence[int]) -> None:
        """Takes mean and deviation of each channel from images of the training part."""
        some = numbers[:: -(-len(numbers) // SAMPLE)]
        self.form = with_scale(self.form, (self[number] for number in some))

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images [B, H, W, C], standardised, zero outside their own sizes [B, 2]."""
        return padded([standardised(self[number], self.form) for number in numbers], axes=2)


def open_images(
    paths: Sequence[Path], colour: Colour = "auto", size: tuple[int, int] | None = None, memory: int = MEMORY
) -> ImageFiles:
    """Images of these files. Reads every header; decodes them at once where all fit into memory.

    Images of more than 8 bits are brought to 8 by the lowest and the highest value of all.

    Raises: `GatewiseError` that names a file that is no image, or a grey one and a colour one.
    """
    found = survey(paths)
    form = ImageForm(channels_of(paths, found.headers, colour), size, span=find_span(found.deep))
    images = _images(paths, form, found, memory)
    if images.sizes.prod(1).sum() * form.channels <= memory:
        for number in range(len(images)):
            images[number]
    return images


def reopen_images(paths: Sequence[Path], form: ImageForm, memory: int = MEMORY) -> ImageFiles:
    """Images of other files, in a form that was learned before.

    Raises: `GatewiseError` that names a file that is no image.
    """
    found = survey(paths)
    if found.deep and form.span is None:
        form = replace(form, span=usual_span(find_span(found.deep)))
    return _images(paths, form, found, memory)


def find_images(path: Path) -> list[Path]:
    """Every image below a folder, or the one that it is itself.

    Raises: `GatewiseError` if there is none.
    """
    if path.is_file():
        return [path]
    found = sorted(filter(is_image, path.rglob("*")), key=lambda one: natural(str(one)))
    if not found:
        raise GatewiseError(
            f"{path} holds no images" if path.is_dir() else f"there is no folder {str(path)!r}"
        )
    return found


def channels_of(paths: Sequence[Path], headers: Sequence[Header], colour: Colour) -> int:
    """How many channels images are read with. Raises: `GatewiseError` if some are grey, others not."""
    if colour != "auto":
        return 1 if colour == "grey" else 3
    grey = [one.grey for one in headers]
    if any(grey) and not all(grey):
        raise GatewiseError(
            f"{paths[grey.index(True)]} is grey and {paths[grey.index(False)]} has colours; "
            "say how to read them all: --colour grey or --colour colour"
        )
    return 1 if all(grey) else 3


def with_scale(form: ImageForm, images: Iterable[np.ndarray]) -> ImageForm:
    """The form with mean and deviation of each channel, over all pixels of the images [..., C]."""
    total, squares, count = np.zeros(form.channels), np.zeros(form.channels), 0
    for image in images:
        values = image.reshape(-1, form.channels).astype(np.float64)
        total, squares, count = total + values.sum(0), squares + np.square(values).sum(0), count + len(values)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    deviation = np.where(deviation > 1e-6 * np.abs(mean), deviation, 1.0)
    return replace(form, mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()))


def describe_sizes(sizes: np.ndarray) -> str:
    """Heights and widths [N, 2] in a few words, with advice where they are large.

    >>> describe_sizes(np.array([[28, 20], [28, 31]])), describe_sizes(np.array([[480, 640]]))
    ('28 x 20 to 31', '480 x 640 (large: training takes long; --size 64 would be fast)')
    """
    sides = zip(sizes.min(0), sizes.max(0), strict=True)
    told = " x ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in sides)
    large = " (large: training takes long; --size 64 would be fast)"
    return told + large * bool(sizes.prod(1).max() > LARGE)


def batch_of(numbers: int) -> int:
    """How many examples of so many numbers make a batch where nothing is learned.

    >>> batch_of(28 * 28), batch_of(50 * 240 * 320), batch_of(10**9)
    (256, 1, 1)
    """
    return max(1, min(MOST_AT_ONCE, NUMBERS_AT_ONCE // max(numbers, 1)))


def standardised(image: np.ndarray, form: ImageForm) -> np.ndarray:
    """Pixels [..., C] as float32: `(pixel - mean) / deviation`."""
    mean, deviation = (np.array(one, np.float32) for one in (form.mean, form.deviation))
    return (image.astype(np.float32) - mean) / deviation


def padded(arrays: Sequence[np.ndarray], axes: int) -> tuple[Tensor, Tensor]:
    """Arrays as one, zero beyond their own sizes; and those sizes [B, axes] along the first axes.

    >>> values, sizes = padded([np.ones((1, 2)), np.ones((2, 1))], axes=2)
    >>> values.tolist(), sizes.tolist()
    ([[[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]], [[1, 2], [2, 1]])
    """
    sizes = np.array([one.shape[:axes] for one in arrays])
    values = np.zeros((len(arrays), *sizes.max(0), *arrays[0].shape[axes:]), np.float32)
    for place, one in enumerate(arrays):
        own = tuple(slice(size) for size in one.shape[:axes])
        values[place][own] = one
    return torch.from_numpy(values), torch.from_numpy(sizes)


def _images(paths: Sequence[Path], form: ImageForm, found: Survey, memory: int) -> ImageFiles:
    deep = (told_span(form.span, len(found.deep)),) if found.deep and form.span else ()
    return ImageFiles(paths, form, _sizes(found.headers, form), memory, (*found.notes, *deep))


def _sizes(headers: Sequence[Header], form: ImageForm) -> np.ndarray:
    return np.array([form.fitted(one.height, one.width) for one in headers]).reshape(-1, 2)
