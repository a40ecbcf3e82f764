"""Clips from folders of frames, and from animated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gatewise.data.images.class_folders import natural_key
from gatewise.data.images.clips import Clips
from gatewise.data.images.image_file import ImageForm, ImageHeader, is_image, pixels, read_image, read_with
from gatewise.data.images.images import MEMORY, ArrayCache, Colour, channels_of
from gatewise.data.images.survey import default_value_range, describe_range, examine, find_value_range
from gatewise.errors import GatewiseError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class ClipFile:
    """One clip: an animated image, or the images of a folder in the order of their names.

    files: of its frames, or the one file with all of them; header: of the first frame; count: of frames
    deep: whether the first frame has more than 8 bits; others: the number of files that are not images
    """

    path: Path
    files: tuple[Path, ...]
    header: ImageHeader
    count: int
    deep: bool = False
    others: int = 0

    def read(self, form: ImageForm, every: int) -> np.ndarray:
        """[T, H, W, C], every n-th frame. Raises: `GatewiseError` with the path of a damaged file."""
        if self.path.is_dir():
            frames = [read_image(file, form) for file in self.files[::every]]
        else:
            frames = read_with(self.path, lambda image: _animation(image, form, range(0, self.count, every)))
        for place, frame in enumerate(frames):
            if frame.shape != frames[0].shape:
                raise GatewiseError(
                    f"{self.files[place * every if self.path.is_dir() else 0]} is {_size(frame.shape)} and "
                    f"its clip's first frame {_size(frames[0].shape)}; resize all with --size"
                )
        return np.stack(frames)


class ClipFiles(Clips):
    """Clips by number, read on request and cached while `memory` lasts.

    clips: of one size, unless the form has one; every: reads every n-th frame only
    """

    form: ImageForm
    names: tuple[str, ...]
    notes: tuple[str, ...]
    lengths: np.ndarray
    size: tuple[int, int]
    clips: tuple[ClipFile, ...]
    every: int

    def __init__(
        self, clips: Sequence[ClipFile], form: ImageForm, every: int = 1, memory: int = MEMORY
    ) -> None:
        self.clips, self.form, self.every = tuple(clips), form, every
        self.names = tuple(str(clip.path) for clip in clips)
        deep, others = sum(clip.deep for clip in clips), sum(clip.others for clip in clips)
        notes = [describe_range(form.span, deep, "clips")] if deep and form.span else []
        notes += (
            [f"files in the folders of clips that are not images, left out: {others:,}"] if others else []
        )
        self.notes = tuple(notes)
        self.lengths = np.array([-(-clip.count // every) for clip in clips])
        first = clips[0]
        self.size = form.fitted(*first.header[:2])
        for clip in clips:
            if form.fitted(*clip.header[:2]) != self.size:
                raise GatewiseError(
                    f"{clip.files[0]} is {_size(clip.header)} and {first.files[0]} {_size(first.header)}; "
                    "resize all with --size"
                )
        self._cache = ArrayCache(lambda number: self.clips[number].read(form, every), memory)
        if self.lengths.sum() * np.prod(self.size) * form.channels <= memory:
            for number in range(len(clips)):
                self._cache[number]

    def __getitem__(self, number: int) -> np.ndarray:
        return self._cache[number]


def is_clip(path: Path) -> bool:
    """Whether a path is an image, or a folder that is not hidden."""
    return is_image(path) or (path.is_dir() and not path.name.startswith("."))


def open_clips(
    paths: Sequence[Path], colour: Colour = "auto", size: tuple[int, int] | None = None, every: int = 1
) -> ClipFiles:
    """Opens the clips of folders and animated images; reads all at once if they fit into memory.

    Raises: `GatewiseError` if a folder is empty, a file is damaged, or sizes or colours differ.
    """
    clips = [read_clip(path) for path in paths]
    if all(clip.count == 1 for clip in clips):
        raise GatewiseError(f"every clip has only one frame, as {paths[0]}; use classify for still images")
    channels = channels_of([clip.files[0] for clip in clips], [clip.header for clip in clips], colour)
    return ClipFiles(clips, ImageForm(channels, size, span=find_value_range(_deep_files(clips))), every)


def reopen_clips(paths: Sequence[Path], form: ImageForm, size: tuple[int, int], every: int = 1) -> ClipFiles:
    """Opens other clips in a form that was learned. size: of the frames of the training

    Raises: `GatewiseError` if a file is damaged, or frames have another size.
    """
    clips = [read_clip(path) for path in paths]
    if form.span is None:
        form = replace(form, span=default_value_range(find_value_range(_deep_files(clips))))
    for clip in clips:
        if form.fitted(*clip.header[:2]) != size:
            raise GatewiseError(
                f"{clip.files[0]} is {_size(clip.header)}; the model was trained on frames of {_size(size)} "
                "without --size, and can't resize others"
            )
    return ClipFiles(clips, form, every)


def read_clip(path: Path) -> ClipFile:
    """Reads the headers of a clip. Raises: `GatewiseError` with its path if it can't be read."""
    files: tuple[Path, ...] = (path,)
    others = 0
    if path.is_dir():
        inside = sorted(path.iterdir(), key=lambda file: natural_key(file.name))
        files = tuple(filter(is_image, inside))
        others = len(inside) - len(files)
        if not files:
            raise GatewiseError(f"{path} contains no images; put the frames of each clip into a folder")
    first = read_with(files[0], examine)
    count = len(files) if path.is_dir() else first.frames
    return ClipFile(path, files, first.header, count, first.deep, others)


def find_clips(root: Path) -> list[Path]:
    """Finds all unlabelled clips below a folder, or the one clip that a path is.

    A folder with still images is a clip; in any other folder each animated image is one.

    Raises: `GatewiseError` if there is none.
    """
    if is_image(root) and root.is_file():
        return [root]
    if not root.is_dir():
        raise GatewiseError(f"there is no folder or animated image {str(root)!r}")
    found = []
    for folder in [root, *sorted((one for one in root.rglob("*") if one.is_dir()), key=_natural_path)]:
        images = sorted(filter(is_image, folder.iterdir()), key=_natural_path)
        animated = [path for path in images if read_clip(path).count > 1]
        found += [folder] if len(animated) < len(images) else animated
    if not found:
        raise GatewiseError(f"{root} contains no clips; expected folders of frames, or animated images")
    return found


def _deep_files(clips: Sequence[ClipFile]) -> list[Path]:
    """The files of clips with more than 8 bits."""
    return [file for clip in clips if clip.deep for file in clip.files]


def _natural_path(path: Path) -> list[tuple[bool, int, str]]:
    return natural_key(str(path))


def _animation(image: Image, form: ImageForm, places: Sequence[int]) -> list[np.ndarray]:
    frames = []
    for place in places:
        image.seek(place)
        frames.append(pixels(image, form))
    return frames


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} x {shape[1]}"
