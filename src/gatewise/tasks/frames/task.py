"""Frames: which class a clip is of, by a convolution on every frame and a recurrent layer over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.images.class_folders import ClassFolders, read_class_folders
from gatewise.data.images.clip_arrays import read_clip_arrays
from gatewise.data.images.clip_files import find_clips, is_clip, open_clips, reopen_clips
from gatewise.data.images.clips import Clips, LabelledClips
from gatewise.data.images.image_file import ImageForm, read_size
from gatewise.data.images.images import Colour, describe_sizes
from gatewise.data.images.left_out import shown
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.images import is_clips, write_clips
from gatewise.data.sequences.sequences import in_order
from gatewise.errors import GatewiseError
from gatewise.modules.classifier import Classifier, Majority, probabilities
from gatewise.modules.network import Baseline, Network
from gatewise.modules.pooling import How
from gatewise.plots.highest_loss import CLIPS, draw_highest_loss, highest_loss, some_frames
from gatewise.plots.plot import Plot
from gatewise.report.attribution import channel_track
from gatewise.report.example import Example, channels, require_example
from gatewise.tasks.base import Prediction
from gatewise.tasks.class_attribution import explain_class, weights_of
from gatewise.tasks.classification import ClassTask, class_columns, describe_prediction
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.frames.baselines import MeanFrame
from gatewise.tasks.frames.network import FrameClassifier, FrameMean
from gatewise.tasks.options import Count, CountOrFound, Fraction, Options, Size, StackOptions, TaskOptions
from gatewise.tasks.preprocessing import read_as
from gatewise.tasks.serialization import SavedModel

ARRAYS = ".npz"


class ClipOptions(Options):
    """The clips"""

    size: str | None = Field(None, description="HEIGHTxWIDTH that all frames are brought to.")
    colour: Colour = Field("auto", description="Read frames as grey, in colour, or as they are.")
    every: Count = Field(1, description="Take every so manyth frame.")
    validation_fraction: Fraction = Field(
        0.15, description="The part of each class to choose by, where it has no folder."
    )
    test_fraction: Fraction = Field(0.15, description="The part to test on, where it has no folder.")


class FrameNetworkOptions(StackOptions):
    """The network"""

    filters: tuple[Size, ...] = Field(
        (16, 32), min_length=1, description="Of the convolution's blocks; each halves a frame."
    )
    features: Size = Field(64, description="The numbers that a frame becomes.")
    bidirectional: bool = Field(False, description="Read from both ends.")
    pooling: How = Field("last", description="What of all steps is looked at.")


class FrameOptions(TaskOptions, FrameNetworkOptions, ClipOptions):
    """The training"""

    epochs: Count = Field(30, description="Rounds over the part to train on, at most.")
    batch_size: CountOrFound = Field(32, description="Clips in a batch, over all devices; 0 finds a number.")


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads clips: the form and size of a frame, the classes; `source` tells its own data."""

    form: ImageForm
    size: tuple[int, int]
    every: int
    classes: tuple[str, ...]
    source: str
    validation_share: float
    test_share: float

    def labelled(self, path: Path) -> tuple[Clips, ClassFolders]:
        """Clips with classes that the model knows."""
        if path.suffix.lower() == ARRAYS:
            return _labelled_arrays(path, self.form, self.size, self.every, self.classes)
        found = read_class_folders(path, is_clip, "clips", self.classes)
        return reopen_clips(found.paths, self.form, self.size, self.every), found

    def unlabelled(self, path: Path) -> tuple[Clips, tuple[str, ...]]:
        """Clips whose classes are unknown, and what each is called."""
        if path.suffix.lower() == ARRAYS:
            arrays = read_clip_arrays(path, self.form, self.size, self.every)
            return arrays, tuple(map(str, range(len(arrays))))
        paths = find_clips(path)
        names = tuple(shown(str(one.relative_to(path)) if one != path else one.name) for one in paths)
        return reopen_clips(paths, self.form, self.size, self.every), names


@dataclass(frozen=True)
class FrameData:
    """Clips ready for classification."""

    train: LabelledClips
    validation: LabelledClips
    test: LabelledClips
    classes: tuple[str, ...]
    reading: Preprocessing
    notes: tuple[str, ...]


class Frames(ClassTask[FrameData]):
    """Classifies clips, beside what can be told without the order of their frames."""

    name = "frames"
    about = "Tell which class a clip of images is of."
    given = "a folder with a folder of clips for each class, or a .npz file of arrays"
    options = FrameOptions

    def accepts(self, data: Any) -> bool:
        if isinstance(data, str | Path):
            return Path(data).suffix.lower() == ARRAYS
        return is_clips(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, str | Path):
            return Path(data), {}
        return write_clips(data, folder, y), {}

    def read(self, path: Path, options: FrameOptions) -> FrameData:
        clips, found = _labelled(path, options)
        train, validation, test = found.split(options.validation_fraction, options.test_fraction)
        clips.learn(train)
        reading = Preprocessing(
            clips.form, clips.size, options.every, found.classes, fingerprint(path),
            options.validation_fraction, options.test_fraction,
        )  # fmt: skip
        counts = f"{len(train)} clips to train on, {len(validation)} to validate, {len(test)} to test"
        counts = f"{counts}: {found.describe_split()}"
        notes = (_told(clips, found.classes), counts, *found.notes, *clips.notes)
        part = partial(_part, clips, found)
        return FrameData(part(train), part(validation), part(test), found.classes, reading, notes)

    def network(self, data: FrameData, options: FrameOptions, cell: CellType) -> FrameClassifier:
        return FrameClassifier(
            cell, *_shape(data), options.filters, options.features, options.hidden, options.layers,
            options.dropout, options.bidirectional, options.pooling,
        )  # fmt: skip

    def baselines(self, data: FrameData, options: FrameOptions) -> Mapping[str, Callable[[], Baseline]]:
        return {
            "majority": partial(Majority, len(data.classes)),
            "mean frame": partial(MeanFrame, *_shape(data)),
        }

    def trained_baselines(
        self, data: FrameData, options: FrameOptions
    ) -> Mapping[str, Callable[[], Network]]:
        return {"cnn mean": partial(FrameMean, *_shape(data), options.filters, options.features)}

    def reading(self, data: FrameData, options: FrameOptions) -> dict[str, Any]:
        return asdict(data.reading)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> FrameData:
        """The test part of the data that the model was trained on, or that of other data, or all of them."""
        reading = read_as(Preprocessing, model)
        clips, found = reading.labelled(path)
        if fingerprint(path) == reading.source:
            *_, numbers = found.split(reading.validation_share, reading.test_share)
            told = f"{len(numbers)} clips to test, which the model has not seen"
        else:
            numbers = [place for place, part in enumerate(found.parts) if part == "test"]
            numbers = numbers or list(range(len(clips)))
            told = f"{len(numbers)} clips are to test"
        none, test = _part(clips, found, []), _part(clips, found, numbers)
        return FrameData(none, none, test, reading.classes, reading, (told, *found.notes, *clips.notes))

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The class of each clip, and how probable each class is."""
        reading = read_as(Preprocessing, model)
        clips, names = reading.unlabelled(path)
        assert isinstance(model.network, Classifier)
        every = LabelledClips(clips, range(len(clips)), [0] * len(clips))
        frame = pl.DataFrame({"clip": names, **class_columns(model.network, every, reading.classes)})
        about = f"the classes of {len(clips)} clips, with their probabilities"
        return Prediction(frame, "; ".join((about, *clips.notes)), "label")

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A clip of the test part, as how bright its frames are and how much they change."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test), "clips in the test part")
        batch = data.test.__getitems__([number])
        frames = np.asarray(data.test.clips[data.test.numbers[number]], dtype=np.float64)
        flat = frames.reshape(len(frames), -1)
        changes = np.abs(np.diff(flat, axis=0, prepend=flat[:1])).mean(1)
        tracks = channels(("brightness", "change"), np.stack([flat.mean(1), changes], axis=1))
        said = describe_prediction(model.network, batch, data.classes)
        explain = partial(
            explain_class, model.network, batch, data.classes, "where every frame is as bright as the mean",
            lambda given: (given.sum((1, 2, 3)), channel_track(given.sum((1, 2, 3))[:, None], ("frames",))),
        )  # fmt: skip
        return Example(
            batch, f"clip {number} of the test part", (*tracks, *weights_of(model.network, batch)), said,
            unit="frame", attribute=lambda _: explain(),
        )  # fmt: skip

    def draw(self, comparison: Comparison[FrameData]) -> list[Plot]:
        drawn = super().draw(comparison)
        chosen, test = comparison.chosen(baseline=False), comparison.data.test
        assert chosen is not None
        told = probabilities(chosen.network, test)  # type: ignore[arg-type]

        def show(number: int) -> list[np.ndarray]:
            return some_frames(test.clips[test.numbers[number]])

        found = highest_loss(told, test.labels, comparison.data.classes, show, CLIPS)
        about = f"the clips of the test part that {chosen.name} finds hardest"
        return [*drawn, Plot("hardest", about, draw_highest_loss(found, chosen.name))]


def _labelled(path: Path, options: FrameOptions) -> tuple[Clips, ClassFolders]:
    """A user's clips with their classes."""
    size = read_size(options.size or "")
    if path.suffix.lower() == ARRAYS:
        if size is not None or options.colour != "auto":
            raise GatewiseError(f"the frames of {path} are taken as they are; leave --size and --colour out")
        return _labelled_arrays(path, None, None, options.every, ())
    found = read_class_folders(path, is_clip, "clips")
    return open_clips(found.paths, options.colour, size, options.every), found


def _labelled_arrays(
    path: Path, form: ImageForm | None, size: tuple[int, int] | None, every: int, classes: tuple[str, ...]
) -> tuple[Clips, ClassFolders]:
    """Clips of a .npz file, by classes that are known or those that are there."""
    clips = read_clip_arrays(path, form, size, every)
    if not clips.labels:
        raise GatewiseError(f"{path} has no labels; give it an array labels [N] with the class of each clip")
    names = classes or in_order(tuple(dict.fromkeys(clips.labels)))[0]
    unknown = [one for one in clips.labels if one not in names]
    if unknown:
        raise GatewiseError(
            f"{path}: the class {unknown[0]!r} was not in training; it had {', '.join(names)}"
        )
    labels = tuple(names.index(one) for one in clips.labels)
    return clips, ClassFolders(names, (path,) * len(clips), labels, ("",) * len(clips))


def _part(clips: Clips, found: ClassFolders, numbers: list[int]) -> LabelledClips:
    return LabelledClips(clips, numbers, [found.labels[number] for number in numbers])


def _shape(data: FrameData) -> tuple[int, int, int, int]:
    """Channels, height and width of a frame, and how many classes there are."""
    return data.reading.form.channels, *data.reading.size, len(data.classes)


def _told(clips: Clips, classes: tuple[str, ...]) -> str:
    lengths = clips.lengths
    frames = f"{lengths.min()} to {lengths.max()}" if lengths.min() < lengths.max() else f"{lengths[0]}"
    kind = {1: "grey", 3: "colour"}.get(clips.form.channels, f"{clips.form.channels}-channel")
    size = describe_sizes(np.array([clips.size]))
    return f"{len(clips)} clips of {len(classes)} classes, of {frames} {kind} frames, {size}"


TASK = Frames()
