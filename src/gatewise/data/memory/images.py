"""Images and clips in memory as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from gatewise.errors import GatewiseError


def is_images(data: object) -> bool:
    """Whether the data are a list of PIL's images, or an array of bytes [N, H, W] or [N, H, W, C]."""
    if isinstance(data, list | tuple):
        return bool(data) and all(isinstance(one, Image.Image) for one in data)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8:
        return False
    return data.ndim == 3 or (data.ndim == 4 and data.shape[-1] in (1, 3))


def is_clips(data: object) -> bool:
    """Whether the data are an array of clips [N, T, H, W] or [N, T, H, W, C], or a list of such clips.

    Bytes [N, H, W, C] of one or three channels are images.
    """
    if isinstance(data, np.ndarray):
        return data.ndim == 5 or (data.ndim == 4 and not is_images(data))
    return (
        isinstance(data, list)
        and bool(data)
        and all(isinstance(one, np.ndarray) and one.ndim in (3, 4) for one in data)
    )


def write_images(data: Any, folder: Path, labels: Sequence[Any] | None = None) -> Path:
    """Images as PNG files, in a folder for each class where there are labels; numbered in their order."""
    home = folder / "images"
    images = list(data)
    if labels is not None and len(labels) != len(images):
        raise GatewiseError(f"there are {len(images)} images and {len(labels)} labels")
    for number, one in enumerate(images):
        own = home if labels is None else home / class_folder(labels[number])
        own.mkdir(parents=True, exist_ok=True)
        image = one if isinstance(one, Image.Image) else Image.fromarray(np.squeeze(one))
        image.save(own / f"{number:08d}.png")
    return home


def write_captioned(data: Any, folder: Path, captions: Sequence[Any]) -> Path:
    """Images with `captions.csv`, a row for each caption; one or several for each image."""
    home = write_images(data, folder)
    rows = [
        (f"{number:08d}.png", text)
        for number, own in enumerate(captions)
        for text in ([own] if isinstance(own, str) else own)
    ]
    pl.DataFrame(rows, schema=["file", "caption"], orient="row").write_csv(home / "captions.csv")
    return home


def write_clips(data: Any, folder: Path, labels: Sequence[Any] | None = None) -> Path:
    """Clips [T, H, W] or [T, H, W, C], of one size, as an `.npz` file; shorter ones are filled up."""
    clips = [np.asarray(one) for one in data]
    lengths = np.array([len(one) for one in clips])
    frames = np.zeros((len(clips), lengths.max(), *clips[0].shape[1:]), clips[0].dtype)
    for number, one in enumerate(clips):
        if one.shape[1:] != frames.shape[2:]:
            raise GatewiseError(
                f"clip {number} has frames of {list(one.shape[1:])} and clip 0 of {list(frames.shape[2:])}"
            )
        frames[number, : len(one)] = one
    arrays: dict[str, Any] = {"frames": frames, "lengths": lengths}
    if labels is not None:
        arrays["labels"] = np.array([str(one) for one in labels])
    path = folder / "clips.npz"
    np.savez(path, **arrays)
    return path


def class_folder(label: Any) -> str:
    """A class as the name of a folder. Errors: `GatewiseError` where it can't be one."""
    name = str(label)
    if not name or name in (".", "..") or any(letter in name for letter in "/\\\0"):
        raise GatewiseError(f"the class {name!r} can't be the name of a folder; rename it")
    return name
