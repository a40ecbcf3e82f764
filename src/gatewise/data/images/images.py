"""Images by number, decoded on request and cached in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gatewise.data.images.class_folders import natural_key
from gatewise.data.images.image_file import ImageForm, ImageHeader, is_image, read_image
from gatewise.data.images.survey import (
    ImageSurvey,
    default_value_range,
    describe_range,
    find_value_range,
    survey_images,
)
from gatewise.errors import GatewiseError

MEMORY = 2**30  # bytes of decoded images in the cache
SAMPLE = 2000  # images from which mean and standard deviation are learned
LARGE = 256 * 256  # pixels of an image, above which training takes long
MAX_BATCH_SIZE, MAX_BATCH_NUMBERS = 256, 1 << 22  # a convolution computes many times as many numbers

Colour = Literal["auto", "grey", "colour"]


class ArrayCache:
    """Arrays by number: the first ones are kept while the memory lasts, others are read again.

    >>> cache = ArrayCache(lambda number: np.full(10, number, np.uint8), memory=15)
    >>> [int(cache[number][0]) for number in (3, 4, 3)], cache.left
    ([3, 4, 3], 5)
    """

    read: Callable[[int], np.ndarray]
    left: int

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

    paths: the files; form: of the images; sizes: [N, 2], height and width of each
    memory: bytes of the cache; notes: on what is converted or left out
    """

    paths: tuple[Path, ...]
    form: ImageForm
    sizes: np.ndarray
    notes: tuple[str, ...]

    def __init__(
        self,
        paths: Sequence[Path],
        form: ImageForm,
        sizes: np.ndarray,
        memory: int = MEMORY,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.paths, self.form, self.sizes, self.notes = tuple(paths), form, sizes, notes
        plain = replace(form, mean=(), deviation=())
        self._cache = ArrayCache(lambda number: read_image(self.paths[number], plain), memory)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> np.ndarray:
        """[H, W, C] bytes. Raises: `GatewiseError` with the path of a damaged file."""
        return self._cache[number]

    def fit(self, numbers: Sequence[int]) -> None:
        """Computes the mean and standard deviation of each channel from images of the training set."""
        some = numbers[:: -(-len(numbers) // SAMPLE)]
        self.form = with_scale(self.form, (self[number] for number in some))

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images [B, H, W, C], standardized, zero outside their own sizes [B, 2]."""
        return pad_arrays([standardize(self[number], self.form) for number in numbers], axes=2)


def open_images(
    paths: Sequence[Path], colour: Colour = "auto", size: tuple[int, int] | None = None, memory: int = MEMORY
) -> ImageFiles:
    """Opens images: reads every header, and decodes all images if they fit into memory.

    Images of more than 8 bits are scaled to 8 bits by the lowest and the highest value of all.

    Raises: `GatewiseError` with a file that is not an image, or with a grey one and a colour one.
    """
    found = survey_images(paths)
    form = ImageForm(channels_of(paths, found.headers, colour), size, span=find_value_range(found.deep))
    images = _image_files(paths, form, found, memory)
    if images.sizes.prod(1).sum() * form.channels <= memory:
        for number in range(len(images)):
            images[number]
    return images


def reopen_images(paths: Sequence[Path], form: ImageForm, memory: int = MEMORY) -> ImageFiles:
    """Opens other images in a form that was learned.

    Raises: `GatewiseError` with a file that is not an image.
    """
    found = survey_images(paths)
    if found.deep and form.span is None:
        form = replace(form, span=default_value_range(find_value_range(found.deep)))
    return _image_files(paths, form, found, memory)


def find_images(path: Path) -> list[Path]:
    """Finds all images below a folder, or the one image that a path is.

    Raises: `GatewiseError` if there is none.
    """
    if path.is_file():
        return [path]
    found = sorted(filter(is_image, path.rglob("*")), key=lambda one: natural_key(str(one)))
    if not found:
        raise GatewiseError(
            f"{path} contains no images" if path.is_dir() else f"there is no folder {str(path)!r}"
        )
    return found


def channels_of(paths: Sequence[Path], headers: Sequence[ImageHeader], colour: Colour) -> int:
    """The number of channels of images. Raises: `GatewiseError` if only some are grey."""
    if colour != "auto":
        return 1 if colour == "grey" else 3
    grey = [one.grey for one in headers]
    if any(grey) and not all(grey):
        raise GatewiseError(
            f"{paths[grey.index(True)]} is grey and {paths[grey.index(False)]} has colours; "
            "convert all with --colour grey or --colour colour"
        )
    return 1 if all(grey) else 3


def with_scale(form: ImageForm, images: Iterable[np.ndarray]) -> ImageForm:
    """The form with mean and standard deviation of each channel over all pixels of images [..., C]."""
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
    listed = " x ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in sides)
    large = " (large: training takes long; --size 64 would be fast)"
    return listed + large * bool(sizes.prod(1).max() > LARGE)


def default_batch_size(numbers: int) -> int:
    """The size of a batch outside of training, for examples with that many numbers.

    >>> default_batch_size(28 * 28), default_batch_size(50 * 240 * 320), default_batch_size(10**9)
    (256, 1, 1)
    """
    return max(1, min(MAX_BATCH_SIZE, MAX_BATCH_NUMBERS // max(numbers, 1)))


def standardize(image: np.ndarray, form: ImageForm) -> np.ndarray:
    """Pixels [..., C] as float32: `(pixel - mean) / deviation`."""
    mean, deviation = (np.array(one, np.float32) for one in (form.mean, form.deviation))
    return (image.astype(np.float32) - mean) / deviation


def pad_arrays(arrays: Sequence[np.ndarray], axes: int) -> tuple[Tensor, Tensor]:
    """Arrays as one, zero beyond their own sizes [B, axes] along the first axes.

    >>> values, sizes = pad_arrays([np.ones((1, 2)), np.ones((2, 1))], axes=2)
    >>> values.tolist(), sizes.tolist()
    ([[[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]], [[1, 2], [2, 1]])
    """
    sizes = np.array([one.shape[:axes] for one in arrays])
    values = np.zeros((len(arrays), *sizes.max(0), *arrays[0].shape[axes:]), np.float32)
    for place, one in enumerate(arrays):
        own = tuple(slice(size) for size in one.shape[:axes])
        values[place][own] = one
    return torch.from_numpy(values), torch.from_numpy(sizes)


def _image_files(paths: Sequence[Path], form: ImageForm, found: ImageSurvey, memory: int) -> ImageFiles:
    deep = (describe_range(form.span, len(found.deep)),) if found.deep and form.span else ()
    return ImageFiles(paths, form, _sizes(found.headers, form), memory, (*found.notes, *deep))


def _sizes(headers: Sequence[ImageHeader], form: ImageForm) -> np.ndarray:
    return np.array([form.fitted(one.height, one.width) for one in headers]).reshape(-1, 2)
