"""Classification of images: row by row, or as a lattice of patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import require_sequence
from gatewise.cells.transforms import transform_of
from gatewise.data.fingerprint import fingerprint
from gatewise.data.images.class_folders import ClassFolders, read_class_folders
from gatewise.data.images.image_file import ImageForm, is_image, read_size
from gatewise.data.images.images import (
    Colour,
    ImageFiles,
    describe_sizes,
    find_images,
    open_images,
    reopen_images,
)
from gatewise.data.images.labelled_images import LabelledImages
from gatewise.data.images.left_out import left_out_below, shown
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.images import is_images, write_images
from gatewise.errors import GatewiseError
from gatewise.modules.classifier import Classifier, Majority, probabilities
from gatewise.modules.image_lattices import over_images
from gatewise.modules.network import Baseline, Network
from gatewise.modules.pooling import How
from gatewise.plots.highest_loss import IMAGES, draw_highest_loss, highest_loss
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, Strip, Track, require_example
from gatewise.tasks.base import Prediction
from gatewise.tasks.class_attribution import explain_class, weights_of
from gatewise.tasks.classification import ClassTask, class_columns, describe_prediction
from gatewise.tasks.classify_images.baselines import ConvolutionClassifier, NearestImage, PixelRegression
from gatewise.tasks.classify_images.network import GridClassifier, LatticeClassifier
from gatewise.tasks.classify_images.rows import RowClassifier
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import Count, CountOrFound, Fraction, Options, StackOptions, TaskOptions
from gatewise.tasks.preprocessing import read_as
from gatewise.tasks.serialization import SavedModel

LONGEST_SIDE = 64  # to which the convolution beside the networks has large images brought


class ImageOptions(Options):
    """The images"""

    size: str | None = Field(None, description="HEIGHTxWIDTH that all images are brought to.")
    colour: Colour = Field("auto", description="Read images as grey, in colour, or as they are.")
    validation_fraction: Fraction = Field(
        0.15, description="The part of each class to choose by, where it has no folder."
    )
    test_fraction: Fraction = Field(0.15, description="The part to test on, where it has no folder.")


class ImageNetworkOptions(StackOptions):
    """The network"""

    network: Literal["stack", "lattice", "grid"] = Field(
        "stack", description="Rows from top to bottom, patches from all four corners, or a Grid LSTM on them."
    )
    bidirectional: bool = Field(False, description="Of a stack: read from both ends.")
    pooling: How = Field("last", description="What of all steps, or of all patches, is looked at.")
    patch: Count = Field(4, description="Of a lattice or a grid: pixels along either side of a patch.")
    depth_weights: Literal["tied", "untied"] = Field(
        "tied", description="Of a grid: the same weights for all layers, or each its own."
    )
    shift: CountOrFound = Field(0, description="Pixels by which images are moved at random in training.")


class ClassifyImagesOptions(TaskOptions, ImageNetworkOptions, ImageOptions):
    """The training"""


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads images: their form, their classes; `source` tells the data it was trained on.

    width: of all images, where rows are read
    """

    form: ImageForm
    width: int | None
    classes: tuple[str, ...]
    source: str
    validation_share: float
    test_share: float

    def files(self, paths: list[Path]) -> ImageFiles:
        """Other images. Errors: `GatewiseError` where one is not as wide as those trained on."""
        files = reopen_images(paths, self.form)
        if self.width is not None and (wrong := files.sizes[:, 1] != self.width).any():
            which = int(wrong.argmax())
            raise GatewiseError(
                f"{paths[which]} is {files.sizes[which, 1]} pixels wide; the model was trained on rows of "
                f"{self.width}, and without a --size to bring others to"
            )
        return files


@dataclass(frozen=True)
class ImageData:
    """Images ready for classification."""

    files: ImageFiles
    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages
    classes: tuple[str, ...]
    reading: Preprocessing
    notes: tuple[str, ...]


class ClassifyImages(ClassTask[ImageData]):
    """Classifies images, beside a regression on their pixels, the nearest image, and a convolution."""

    name = "classify-images"
    about = "Tell which class an image is of."
    given = "a folder with a folder of images for each class"
    options = ClassifyImagesOptions

    def accepts(self, data: Any) -> bool:
        if isinstance(data, str | Path):
            return Path(data).is_dir()
        return is_images(data)

    def claims(self, data: Path, given: Mapping[str, Any]) -> bool:
        return data.is_dir() and any(data.iterdir())

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, str | Path):
            return Path(data), {}
        return write_images(data, folder, y), {}

    def check(self, options: ClassifyImagesOptions, cell: CellType) -> None:
        if options.network == "stack":
            require_sequence(cell, "rows are read by one of sequences; give lstm, or --network lattice")
        elif options.network == "lattice":
            over_images(cell)
        else:
            transform_of(cell)
        _check_options(options)

    def display_name(self, options: ClassifyImagesOptions, cell: str) -> str:
        return cell if options.network == "stack" else f"{options.network}-{cell}"

    def read(self, path: Path, options: ClassifyImagesOptions) -> ImageData:
        found = read_class_folders(path, is_image, "images")
        files = open_images(found.paths, options.colour, read_size(options.size or ""))
        train, validation, test = found.split(options.validation_fraction, options.test_fraction)
        files.learn(train)
        width = _only_width(files) if options.network == "stack" else None
        reading = Preprocessing(
            files.form,
            width,
            found.classes,
            fingerprint(path),
            options.validation_fraction,
            options.test_fraction,
        )
        counts = f"{len(train):,} images to train on, {len(validation):,} to validate, {len(test):,} to test"
        part = partial(_part, files, found)
        return ImageData(
            files, part(train), part(validation), part(test), found.classes, reading,
            (_told(files, found.classes), f"{counts}: {found.describe_split()}", *found.notes, *files.notes),
        )  # fmt: skip

    def network(self, data: ImageData, options: ClassifyImagesOptions, cell: CellType) -> Classifier:
        channels, classes = data.reading.form.channels, len(data.classes)
        if options.network == "stack":
            assert data.reading.width is not None
            return RowClassifier(
                cell, channels, data.reading.width, classes, options.hidden, options.layers, options.dropout,
                options.bidirectional, options.pooling, options.shift,
            )  # fmt: skip
        pooling: Literal["last", "mean"] = "mean" if options.pooling == "mean" else "last"
        sizes = channels, classes, options.patch, options.hidden, options.layers
        if options.network == "lattice":
            return LatticeClassifier(cell, *sizes, pooling, options.dropout, options.shift)
        tied = options.depth_weights == "tied"
        return GridClassifier(transform_of(cell), *sizes, tied, pooling, options.dropout, options.shift)

    def baselines(
        self, data: ImageData, options: ClassifyImagesOptions
    ) -> Mapping[str, Callable[[], Baseline]]:
        channels, classes = data.reading.form.channels, len(data.classes)
        return {
            "majority": partial(Majority, classes),
            "logistic": partial(PixelRegression, channels, classes),
            "nearest": partial(NearestImage, channels, classes),
        }

    def trained_baselines(
        self, data: ImageData, options: ClassifyImagesOptions
    ) -> Mapping[str, Callable[[], Network]]:
        usual = np.median(data.files.sizes[data.train.numbers], axis=0)
        height, width = np.maximum(usual * min(1.0, LONGEST_SIDE / usual.max()), 1).astype(int).tolist()
        channels, classes = data.reading.form.channels, len(data.classes)
        return {"cnn": partial(ConvolutionClassifier, channels, height, width, classes)}

    def reading(self, data: ImageData, options: ClassifyImagesOptions) -> dict[str, Any]:
        return asdict(data.reading)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ImageData:
        """The test part of the data that the model was trained on, or that of other data, or all of them."""
        reading = read_as(Preprocessing, model)
        found = read_class_folders(path, is_image, "images", reading.classes)
        files = reading.files(list(found.paths))
        if fingerprint(path) == reading.source:
            *_, numbers = found.split(reading.validation_share, reading.test_share)
            told = f"{len(numbers):,} images to test, which the model has not seen"
        else:
            numbers = [place for place, part in enumerate(found.parts) if part == "test"]
            numbers = numbers or list(range(len(files)))
            told = f"{len(numbers):,} images are to test"
        none, test = _part(files, found, []), _part(files, found, numbers)
        notes = (told, *found.notes, *files.notes)
        return ImageData(files, none, none, test, reading.classes, reading, notes)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The class of each image below a folder, or of one image, and how probable each class is."""
        reading = read_as(Preprocessing, model)
        images = find_images(path)
        names = [shown(str(one.relative_to(path)) if one != path else one.name) for one in images]
        files = reading.files(images)
        every = LabelledImages(files, range(len(images)), [0] * len(images))
        assert isinstance(model.network, Classifier)
        frame = pl.DataFrame({"image": names, **class_columns(model.network, every, reading.classes)})
        about = f"the classes of {len(images):,} images, with their probabilities"
        return Prediction(frame, "; ".join((about, *left_out_below(path), *files.notes)), "label")

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """An image of the test part."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test), "images in the test part")
        batch, place = data.test.__getitems__([number]), int(data.test.numbers[number])
        pixels = data.files[place]
        image = Track("image", pixels=pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        said = describe_prediction(model.network, batch, data.classes)
        explain = partial(
            explain_class, model.network, batch, data.classes, "where every pixel is as bright as the mean",
            lambda given: (given.sum((1, 2)), Track("attribution", strip=Strip(given.sum(2).T))),
        )  # fmt: skip
        tracks = (image, *weights_of(model.network, batch))
        return Example(batch, data.files.paths[place].name, tracks, said, attribute=lambda _: explain())

    def draw(self, comparison: Comparison[ImageData]) -> list[Plot]:
        drawn = super().draw(comparison)
        chosen, test = comparison.chosen(baseline=False), comparison.data.test
        assert chosen is not None
        told = probabilities(chosen.network, test)  # type: ignore[arg-type]

        def show(number: int) -> list[np.ndarray]:
            return [test.files[test.numbers[number]]]

        found = highest_loss(told, test.labels, comparison.data.classes, show, IMAGES)
        about = f"the images of the test part that {chosen.name} finds hardest"
        return [*drawn, Plot("hardest", about, draw_highest_loss(found, chosen.name))]


def _check_options(options: ClassifyImagesOptions) -> None:
    """Errors: `GatewiseError` where an option is of another kind of network."""
    if options.network != "stack" and options.bidirectional:
        raise GatewiseError(f"a {options.network} is read from all four corners; leave --bidirectional out")
    if options.network != "grid" and options.depth_weights == "untied":
        raise GatewiseError("every layer has its own weights already; leave --depth-weights to a grid")
    if options.network != "stack" and options.pooling not in ("last", "mean"):
        raise GatewiseError(
            f"a lattice is looked at by --pooling last or mean; {options.pooling} is for rows"
        )


def _only_width(files: ImageFiles) -> int:
    """Errors: `GatewiseError` where images are of several widths."""
    widths = files.sizes[:, 1]
    if (widths != widths[0]).any():
        other = int((widths != widths[0]).argmax())
        raise GatewiseError(
            f"{files.paths[0]} is {widths[0]} pixels wide and {files.paths[other]} {widths[other]}; "
            "rows need one width: give a --size to bring all to, or --network lattice"
        )
    return int(widths[0])


def _part(files: ImageFiles, found: ClassFolders, numbers: list[int]) -> LabelledImages:
    return LabelledImages(files, numbers, [found.labels[number] for number in numbers])


def _told(files: ImageFiles, classes: tuple[str, ...]) -> str:
    """How many images there are, and of what."""
    kind = "grey" if files.form.channels == 1 else "colour"
    return f"{len(files):,} {kind} images of {len(classes)} classes, {describe_sizes(files.sizes)}"


TASK = ClassifyImages()
