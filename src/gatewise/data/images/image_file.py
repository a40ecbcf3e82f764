"""One image from a file: its header, and its pixels in grey or colour."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from gatewise.errors import GatewiseError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm")
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
ORIENTATION = 0x0112  # EXIF's tag
SIXTEEN_BITS = 65535
ORIENTATIONS = range(2, 9)  # of images that are not stored upright
TURNED = (5, 6, 7, 8)  # orientations that swap height and width

ReturnT = TypeVar("ReturnT")


@dataclass(frozen=True)
class ImageForm:
    """How an image is converted to numbers.

    channels: C, 1 for grey, 3 for colour
    size: (height, width) to which images are resized, or None; a width of 0 keeps the aspect ratio
    mean, deviation: of each channel, for `(pixel - mean) / deviation`; empty before they are learned
    span: the values that become 0 and 255 in images of more than 8 bits; None for 0 and 65535
    """

    channels: int
    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    span: tuple[int, int] | None = None

    def fitted(self, height: int, width: int) -> tuple[int, int]:
        """The size to which an image is resized.

        >>> ImageForm(1, (28, 0)).fitted(56, 100), ImageForm(1, (28, 28)).fitted(56, 100)
        ((28, 50), (28, 28))
        """
        if self.size is None:
            return height, width
        return self.size[0], self.size[1] or max(round(width * self.size[0] / height), 1)


class ImageHeader(NamedTuple):
    """The properties of an image that is not decoded."""

    height: int
    width: int
    grey: bool


def read_image(path: Path, form: ImageForm) -> np.ndarray:
    """[H, W, C] bytes: upright, transparency on white, more than 8 bits scaled by the form's span.

    Raises: `GatewiseError` with the path of a file that is not an image or is damaged.
    """
    return read_with(path, lambda image: pixels(image, form))


def read_header(path: Path) -> ImageHeader:
    """The size of the upright image, and whether it is grey, without decoding it.

    Raises: `GatewiseError` with the path of a file that is not an image.
    """
    return read_with(path, header)


def read_size(text: str) -> tuple[int, int] | None:
    """Parses a size, HEIGHTxWIDTH.

    >>> read_size("28x40"), read_size("28"), read_size("28x"), read_size("")
    ((28, 40), (28, 28), (28, 0), None)

    Raises: `GatewiseError` if it is something else.
    """
    found = re.fullmatch(r"([1-9]\d*)(x([1-9]\d*)?)?", text.strip().lower())
    if found is None and text.strip():
        raise GatewiseError(f"expected a size as 28, 28x40 (height x width) or 28x (any width), got {text!r}")
    if found is None:
        return None
    height = int(found[1])
    return height, int(found[3] or 0) if found[2] else height


def is_image(path: Path) -> bool:
    """Whether a path has the name of an image and is not hidden, nor a pipe or a folder."""
    named = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return named and (path.is_file() or not path.exists())


def read_with(path: Path, read: Callable[[Image], ReturnT]) -> ReturnT:
    """Applies `read` to an opened image. Raises: `GatewiseError` with the path if that fails."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged tags and large images
            with Image.open(path) as image:
                return read(image)
    except UnidentifiedImageError as error:
        raise GatewiseError(f"{path} is not a readable image; remove it from the folder") from error
    except Exception as error:  # decoders raise many types
        reason = " ".join(str(error).split()) or type(error).__name__
        raise GatewiseError(f"{path} can't be read as an image: {reason}") from error


def header(image: Image) -> ImageHeader:
    """The header of an opened image."""
    width, height = image.size
    if image.getexif().get(ORIENTATION) in TURNED:
        width, height = height, width
    return ImageHeader(height, width, image.mode in GREY_MODES or _grey_palette(image))


def is_turned(image: Image) -> bool:
    """Whether an opened image is not stored upright, by its EXIF data."""
    return image.getexif().get(ORIENTATION) in ORIENTATIONS


def is_deep(image: Image) -> bool:
    """Whether an opened image has more than 8 bits."""
    return image.mode.startswith("I")


def is_halved(image: Image) -> bool:
    """Whether an opened image has 16 bits per channel, of which its decoder returns the upper 8."""
    return not is_deep(image) and any(";16" in str(tile[-1]) for tile in getattr(image, "tile", ()))


def pixels(image: Image, form: ImageForm) -> np.ndarray:
    """[H, W, C] bytes of an opened image."""
    import PIL.Image
    from PIL import ImageOps

    if is_deep(image):
        image = PIL.Image.fromarray(_eight_bits(np.asarray(image), form.span))
    elif image.mode == "F":
        raise ValueError("its pixels are floats, not whole numbers")
    elif is_halved(image) and not np.asarray(image).any():
        raise ValueError("it has 16 bits per channel and only small values; save it with 8 bits per channel")
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        white = PIL.Image.new("RGBA", image.size, "white")
        image = PIL.Image.alpha_composite(white, image.convert("RGBA"))
    image = image.convert("L" if form.channels == 1 else "RGB")
    size = form.fitted(image.height, image.width)
    if size != (image.height, image.width):
        image = image.resize(size[::-1], PIL.Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, form.channels)


def _eight_bits(values: np.ndarray, span: tuple[int, int] | None) -> np.ndarray:
    """Values scaled from the span to 0 to 255, with those outside clipped."""
    whole = values.astype(np.int64)
    if span is None and (whole.min() < 0 or whole.max() > SIXTEEN_BITS):
        raise ValueError("its pixels have more than 16 bits")
    low, high = span or (0, SIXTEEN_BITS)
    return ((np.clip(whole, low, high) - low) * 255 // max(high - low, 1)).astype(np.uint8)


def _grey_palette(image: Image) -> bool:
    palette = image.getpalette("RGB") if image.mode == "P" else None
    colours = np.reshape(palette, (-1, 3)) if palette else np.array([[0, 1, 2]])
    return bool((colours == colours[:, :1]).all())
