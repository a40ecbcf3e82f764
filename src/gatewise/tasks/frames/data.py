"""Clips ready for classification, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatewise.data.fingerprint import fingerprint
from gatewise.data.images.class_folders import ClassFolders, read_class_folders
from gatewise.data.images.clip_arrays import read_clip_arrays
from gatewise.data.images.clip_files import find_clips, is_clip, open_clips, reopen_clips
from gatewise.data.images.clips import Clips, LabelledClips
from gatewise.data.images.image_file import ImageForm, read_size
from gatewise.data.images.images import describe_sizes
from gatewise.data.images.left_out import printable
from gatewise.data.sequences.sequences import sort_names
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError
from gatewise.tasks.classification import ClassData, describe_split, held_out_examples
from gatewise.tasks.frames.options import FrameOptions

ARRAYS = ".npz"


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads clips.

    form: the channels and scale of the frames
    size: the height and width of the frames
    frame_stride: N, of which every N-th frame is used
    classes: the names of the classes
    source: the fingerprint of the training data
    fractions: the fractions of the sets
    """

    form: ImageForm
    size: tuple[int, int]
    frame_stride: int
    classes: tuple[str, ...]
    source: str
    fractions: Fractions

    def labelled(self, path: Path) -> tuple[Clips, ClassFolders]:
        """Reads clips with labels. Raises: `GatewiseError` if a class was not in training."""
        if path.suffix.lower() == ARRAYS:
            return _read_arrays(path, self.form, self.size, self.frame_stride, self.classes)
        folders = read_class_folders(path, is_clip, "clips", self.classes)
        return reopen_clips(folders.paths, self.form, self.size, self.frame_stride), folders

    def unlabelled(self, path: Path) -> tuple[Clips, tuple[str, ...]]:
        """Reads clips without labels, and the name of each."""
        if path.suffix.lower() == ARRAYS:
            arrays = read_clip_arrays(path, self.form, self.size, self.frame_stride)
            return arrays, tuple(map(str, range(len(arrays))))
        paths = find_clips(path)
        names = tuple(printable(str(clip.relative_to(path)) if clip != path else clip.name) for clip in paths)
        return reopen_clips(paths, self.form, self.size, self.frame_stride), names


FrameData = ClassData[LabelledClips, Preprocessing]


def read_data(path: Path, options: FrameOptions, trained: Preprocessing | None = None) -> FrameData:
    """Reads a folder with a folder of clips for each class, or a .npz file, and splits it by class.

    trained: of a model that is trained further, whose form and classes the clips keep; None for a new one

    Raises: `GatewiseError` with the file that is not as expected.
    """
    clips, folders = _read(path, options) if trained is None else trained.labelled(path)
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    split = folders.split(fractions)
    train, validation, test = split
    if trained is None:
        clips.fit(train)
    preprocessing = Preprocessing(
        form=clips.form,
        size=clips.size,
        frame_stride=options.frame_stride,
        classes=folders.classes,
        source=fingerprint(path),
        fractions=fractions,
    )
    return ClassData(
        train=_select(clips, folders, train),
        validation=_select(clips, folders, validation),
        test=_select(clips, folders, test),
        preprocessing=preprocessing,
        notes=(
            _describe(clips, folders.classes),
            describe_split(folders, split, "clips"),
            *folders.notes,
            *clips.notes,
        ),
    )


def read_test_data(path: Path, preprocessing: Preprocessing) -> FrameData:
    """Reads the test set of the training data or of other data, or all of other data without one."""
    clips, folders = preprocessing.labelled(path)
    trained = fingerprint(path) == preprocessing.source
    numbers, note = held_out_examples(folders, preprocessing.fractions, trained, "clips")
    empty, test = _select(clips, folders, []), _select(clips, folders, numbers)
    notes = (note, *folders.notes, *clips.notes)
    return ClassData(empty, empty, test, preprocessing, notes)


def _read(path: Path, options: FrameOptions) -> tuple[Clips, ClassFolders]:
    """Reads clips with their classes."""
    size = read_size(options.size or "")
    if path.suffix.lower() == ARRAYS:
        if size is not None or options.colour != "auto":
            raise GatewiseError(f"the frames of {path} are used as they are; leave --size and --colour out")
        return _read_arrays(path, None, None, options.frame_stride, ())
    folders = read_class_folders(path, is_clip, "clips")
    return open_clips(folders.paths, options.colour, size, options.frame_stride), folders


def _read_arrays(
    path: Path,
    form: ImageForm | None,
    size: tuple[int, int] | None,
    frame_stride: int,
    classes: tuple[str, ...],
) -> tuple[Clips, ClassFolders]:
    """Clips of a .npz file, labelled by `classes` or, without any, by the classes that occur."""
    clips = read_clip_arrays(path, form, size, frame_stride)
    if not clips.labels:
        raise GatewiseError(f"{path} has no labels; give it an array labels [N] with the class of each clip")
    names = classes or sort_names(tuple(dict.fromkeys(clips.labels)))[0]
    unknown = [label for label in clips.labels if label not in names]
    if unknown:
        raise GatewiseError(
            f"{path}: the class {unknown[0]!r} was not in training; it had {', '.join(names)}"
        )
    labels = tuple(names.index(label) for label in clips.labels)
    return clips, ClassFolders(names, (path,) * len(clips), labels, ("",) * len(clips))


def _select(clips: Clips, folders: ClassFolders, numbers: list[int]) -> LabelledClips:
    return LabelledClips(clips, numbers, [folders.labels[number] for number in numbers])


def _describe(clips: Clips, classes: tuple[str, ...]) -> str:
    """Describes the number, classes, lengths, channels and sizes of the clips."""
    lengths = clips.lengths
    frames = f"{lengths.min()} to {lengths.max()}" if lengths.min() < lengths.max() else f"{lengths[0]}"
    kind = {1: "grey", 3: "colour"}.get(clips.form.channels, f"{clips.form.channels}-channel")
    size = describe_sizes(np.array([clips.size]))
    return f"{len(clips)} clips of {len(classes)} classes, of {frames} {kind} frames, {size}"
