"""Clips from one .npz file of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatewise.data.images.array_file import read_arrays
from gatewise.data.images.clips import Clips
from gatewise.data.images.image_file import ImageForm
from gatewise.data.tables.table import LARGEST
from gatewise.errors import GatewiseError

KEYS = "frames [N, T, H, W] or [N, T, H, W, C], labels [N] and, if clips differ in length, lengths [N]"


class ClipArrays(Clips):
    """Clips [N, T, H, W, C] in memory. labels: of each, as text, empty if there are none"""

    lengths: np.ndarray
    form: ImageForm
    names: tuple[str, ...]
    size: tuple[int, int]
    frames: np.ndarray
    labels: tuple[str, ...]

    def __init__(
        self, path: Path, frames: np.ndarray, lengths: np.ndarray, labels: tuple[str, ...], form: ImageForm
    ) -> None:
        self.frames, self.lengths, self.labels, self.form = frames, lengths, labels, form
        self.names = tuple(f"{path}, clip {number}" for number in range(len(frames)))
        self.size = frames.shape[2], frames.shape[3]

    def __getitem__(self, number: int) -> np.ndarray:
        return self.frames[number, : self.lengths[number]]


def read_clip_arrays(
    path: Path, form: ImageForm | None = None, size: tuple[int, int] | None = None, every: int = 1
) -> ClipArrays:
    """Reads the clips of a .npz file without executing code from it.

    The file has `frames` [N, T, H, W] or [N, T, H, W, C], numbers in any unit, `labels` [N], names or whole
    numbers, and optionally `lengths` [N], the frames of each clip.

    Args:
        form, size: those of a trained model; None for those of the file
        every: reads every n-th frame only

    Raises: `GatewiseError` if the file or an array is not of this kind.
    """
    arrays = _arrays(path)
    frames = arrays["frames"]
    frames = frames[..., None] if frames.ndim == 4 else frames
    if frames.ndim != 5 or 0 in frames.shape or frames.dtype.kind not in "uif":
        raise GatewiseError(
            f"{path}: expected frames as numbers of shape [N, T, H, W] or [N, T, H, W, C] without zeros, "
            f"got {arrays['frames'].dtype} of {list(arrays['frames'].shape)}"
        )
    count, steps = frames.shape[:2]
    lengths = _whole(path, arrays, "lengths", count)
    lengths = np.full(count, steps) if lengths is None else lengths.astype(np.int64)
    if (wrong := (lengths < 1) | (lengths > steps)).any():
        row = int(wrong.argmax())
        raise GatewiseError(f"{path}: expected lengths in 1..{steps}, got {lengths[row]} for clip {row}")
    for number in range(count) if frames.dtype.kind == "f" else ():
        if not (np.abs(frames[number, : lengths[number]]) <= LARGEST).all():
            raise GatewiseError(
                f"{path}: clip {number} has values that are not finite; replace them by numbers"
            )
    form = form or ImageForm(frames.shape[-1])
    if form.channels != frames.shape[-1] or size not in (None, frames.shape[2:4]):
        expected = " x ".join(map(str, (*(size or frames.shape[2:4]), form.channels)))
        raise GatewiseError(
            f"{path}: the model was trained on frames of {expected}, "
            f"got {' x '.join(map(str, frames.shape[2:]))} (height, width, channels)"
        )
    labels = arrays.get("labels")
    return ClipArrays(
        path,
        frames[:, ::every],
        -(-lengths // every),
        () if labels is None else tuple(map(str, _labels(path, labels, count))),
        form,
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file with known names."""
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}; give a .npz file with {KEYS}")
    return read_arrays(path, ("frames", "labels", "lengths"), KEYS)


def _whole(path: Path, arrays: dict[str, np.ndarray], name: str, count: int) -> np.ndarray | None:
    found = arrays.get(name)
    if found is not None and (found.shape != (count,) or found.dtype.kind not in "ui"):
        raise GatewiseError(
            f"{path}: expected {name} as {count} whole numbers, got {found.dtype} of {list(found.shape)}"
        )
    return found


def _labels(path: Path, labels: np.ndarray, count: int) -> np.ndarray:
    if labels.shape != (count,) or labels.dtype.kind not in "uiU":
        raise GatewiseError(
            f"{path}: expected labels as {count} names or whole numbers, "
            f"got {labels.dtype} of {list(labels.shape)}"
        )
    return labels
