"""Images and clips in memory, written to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from gatewise.data.memory.arrays import as_array, is_array
from gatewise.data.memory.labels import label_column, values_of
from gatewise.errors import GatewiseError

STORED = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # modes that a PNG file supports
MODES = {"I": "I;16", "I;16B": "I;16", "I;16L": "I;16", "La": "LA", "PA": "RGBA", "RGBa": "RGBA"}
COLOURS = (1, 3, 4)  # channels of an array of one image


def is_images(data: object) -> bool:
    """Whether the data are a list of PIL images, or byte arrays [N, H, W] or [N, H, W, C], or a list of them.

    >>> is_images(np.zeros((2, 8, 8), np.uint8)), is_images(np.zeros((2, 8, 8)))
    (True, False)
    """
    if isinstance(data, list | tuple):
        return bool(data) and all(isinstance(one, Image.Image) or _is_bytes(one, 2) for one in data)
    return _is_bytes(data, 3)


def is_clips(data: object) -> bool:
    """Whether the data are an array of clips [N, T, H, W] or [N, T, H, W, C], or a list of clips.

    Byte arrays [N, H, W, C] with one, three or four channels are images.
    """
    if isinstance(data, list | tuple):
        return (
            bool(data) and not is_images(data) and all(is_array(one) and one.ndim in (3, 4) for one in data)
        )
    axes = getattr(data, "ndim", 0) if is_array(data) else 0
    return axes == 5 or (axes == 4 and not is_images(data))


def write_images(data: Any, folder: Path, labels: Any = None) -> Path:
    """Writes images to numbered PNG files, in a folder for each class if there are labels.

    Raises: `GatewiseError` if an image can't be stored, or a label is missing or can't name a folder.
    """
    home = folder / "images"
    images = list(as_array(data)) if is_array(data) else list(data)
    names = None if labels is None else label_column(labels, len(images), "images").cast(pl.String)
    for number, one in enumerate(images):
        own = home if names is None else home / class_folder(names[number])
        own.mkdir(parents=True, exist_ok=True)
        _stored(one, number).save(own / f"{number:08d}.png")
    return home


def write_captioned(data: Any, folder: Path, captions: Any) -> Path:
    """Writes images and `captions.parquet`, with a row for each caption.

    captions: one text, or a list of texts, per image

    Raises: `GatewiseError` if an image has no caption, or a caption is not a text.
    """
    home, count = write_images(data, folder), len(data)
    given = values_of(captions)
    if len(given) != count:
        raise GatewiseError(f"there are {count} images and captions for {len(given)}")
    rows = []
    for number, own in enumerate(given):
        texts = [own] if isinstance(own, str) else values_of(own) if _is_list(own) else [own]
        if not texts:
            raise GatewiseError(f"image {number} has no caption; give one or several")
        for text in texts:
            if not isinstance(text, str) or not text.strip():
                raise GatewiseError(f"image {number}: expected a text as its caption, got {text!r}")
            rows.append((f"{number:08d}.png", text))
    pl.DataFrame(rows, schema=["file", "caption"], orient="row").write_parquet(home / "captions.parquet")
    return home


def write_clips(data: Any, folder: Path, labels: Any = None) -> Path:
    """Writes clips [T, H, W] or [T, H, W, C] of one size to an `.npz` file, padded to the longest.

    Raises: `GatewiseError` if clips differ in size, one has no frames, or a label is missing.
    """
    clips = [as_array(one) for one in data]
    for number, one in enumerate(clips):
        if one.dtype.kind not in "uifb":
            raise GatewiseError(f"clip {number}: expected numbers, got values of type {one.dtype}")
        if one.shape[1:] != clips[0].shape[1:]:
            raise GatewiseError(
                f"clip {number} has frames of {list(one.shape[1:])} and clip 0 of "
                f"{list(clips[0].shape[1:])}; all need the same size"
            )
        if not one.size:
            raise GatewiseError(f"clip {number} has no frames; leave it out")
    lengths = np.array([len(one) for one in clips])
    kind = np.result_type(*(one.dtype for one in clips), np.uint8)
    kind = np.dtype(np.float32) if kind == np.float16 else kind
    frames = np.zeros((len(clips), lengths.max(), *clips[0].shape[1:]), kind)
    for number, one in enumerate(clips):
        frames[number, : len(one)] = one
    arrays: dict[str, Any] = {"frames": frames, "lengths": lengths}
    if labels is not None:
        names = label_column(labels, len(clips), "clips").cast(pl.String)
        arrays["labels"] = np.array(names.to_list(), dtype=str)
    path = folder / "clips.npz"
    np.savez(path, **arrays)
    return path


def class_folder(label: str) -> str:
    """The name of the folder of a class. Raises: `GatewiseError` if the class can't name a folder.

    >>> class_folder("cat")
    'cat'
    """
    is_path = label.startswith(".") or any(letter in label for letter in "/\\\0")
    if is_path or len(label.encode(errors="replace")) > 255:
        raise GatewiseError(f"the class {label!r} can't name a folder; rename it")
    return label


def _is_bytes(data: Any, axes: int) -> bool:
    """Whether the data are bytes with that many axes, and perhaps one more for the channels."""
    if not is_array(data) or str(data.dtype).removeprefix("torch.") != "uint8":
        return False
    return data.ndim == axes or (data.ndim == axes + 1 and data.shape[-1] in COLOURS)


def _stored(image: Any, number: int) -> Image.Image:
    """An image in a mode that a PNG file supports."""
    if not isinstance(image, Image.Image):
        array = as_array(image)
        image = Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)
    if 0 in image.size:
        raise GatewiseError(f"image {number} has no pixels, its size is {image.width}x{image.height}")
    if image.mode == "F":
        raise GatewiseError(f"image {number} has float pixels (mode F); convert them to whole numbers")
    if image.mode == "I" and not all(0 <= one < 1 << 16 for one in image.getextrema()):
        raise GatewiseError(f"image {number} has pixels outside 0 to 65535; scale them to 16 bits")
    return image if image.mode in STORED else image.convert(MODES.get(image.mode, "RGB"))


def _is_list(data: object) -> bool:
    return isinstance(data, list | tuple) or is_array(data) or hasattr(data, "to_list")
