"""Images ready for classification, and how a trained model reads new ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatewise.data.fingerprint import fingerprint
from gatewise.data.images.class_folders import ClassFolders, read_class_folders
from gatewise.data.images.image_file import ImageForm, is_image, read_size
from gatewise.data.images.images import ImageFiles, describe_sizes, open_images, reopen_images
from gatewise.data.images.labelled_images import LabelledImages
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError
from gatewise.tasks.classification import ClassData, describe_split, held_out_examples
from gatewise.tasks.classify_images.options import ClassifyImagesOptions


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads images.

    form: the channels, size and scale of the images
    width: the width of all images, for a network over rows
    classes: the names of the classes
    source: the fingerprint of the training data
    fractions: the fractions of the sets
    """

    form: ImageForm
    width: int | None
    classes: tuple[str, ...]
    source: str
    fractions: Fractions

    def files(self, paths: list[Path]) -> ImageFiles:
        """Opens other images. Raises: `GatewiseError` if one is not as wide as the training images."""
        files = reopen_images(paths, self.form)
        if self.width is not None and (differs := files.sizes[:, 1] != self.width).any():
            index = int(differs.argmax())
            raise GatewiseError(
                f"{paths[index]} is {files.sizes[index, 1]} pixels wide; the model was trained on rows of "
                f"{self.width} pixels, without a --size that resizes images"
            )
        return files


ImageData = ClassData[LabelledImages, Preprocessing]


def read_data(path: Path, options: ClassifyImagesOptions, trained: Preprocessing | None = None) -> ImageData:
    """Reads a folder with a folder of images for each class, and splits it by class.

    trained: of a model that is trained further, whose form and classes the images keep; None for a new one

    Raises: `GatewiseError` with the file that is not as expected.
    """
    folders = read_class_folders(path, is_image, "images", () if trained is None else trained.classes)
    fractions = Fractions(options.validation_fraction, options.test_fraction)
    split = folders.split(fractions)
    train, validation, test = split
    if trained is None:
        files = open_images(folders.paths, options.colour, read_size(options.size or ""))
        files.fit(train)
        width = _common_width(files) if options.network == "stack" else None
    else:
        files, width = trained.files(list(folders.paths)), trained.width
    preprocessing = Preprocessing(files.form, width, folders.classes, fingerprint(path), fractions)
    return ClassData(
        train=_select(files, folders, train),
        validation=_select(files, folders, validation),
        test=_select(files, folders, test),
        preprocessing=preprocessing,
        notes=(
            _describe(files, folders.classes),
            describe_split(folders, split, "images"),
            *folders.notes,
            *files.notes,
        ),
    )


def read_test_data(path: Path, preprocessing: Preprocessing) -> ImageData:
    """Reads the test set of the training data or of other data, or all of other data without one."""
    folders = read_class_folders(path, is_image, "images", preprocessing.classes)
    files = preprocessing.files(list(folders.paths))
    trained = fingerprint(path) == preprocessing.source
    numbers, note = held_out_examples(folders, preprocessing.fractions, trained, "images")
    empty, test = _select(files, folders, []), _select(files, folders, numbers)
    notes = (note, *folders.notes, *files.notes)
    return ClassData(empty, empty, test, preprocessing, notes)


def _common_width(files: ImageFiles) -> int:
    """The width of all images. Raises: `GatewiseError` if they have several."""
    widths = files.sizes[:, 1]
    if (widths != widths[0]).any():
        index = int((widths != widths[0]).argmax())
        raise GatewiseError(
            f"{files.paths[0]} is {widths[0]} pixels wide and {files.paths[index]} {widths[index]}; "
            "rows need one width: give a --size to resize all images, or --network lattice"
        )
    return int(widths[0])


def _select(files: ImageFiles, folders: ClassFolders, numbers: list[int]) -> LabelledImages:
    return LabelledImages(files, numbers, [folders.labels[number] for number in numbers])


def _describe(files: ImageFiles, classes: tuple[str, ...]) -> str:
    """Describes the number, channels, classes and sizes of the images."""
    kind = "grey" if files.form.channels == 1 else "colour"
    return f"{len(files):,} {kind} images of {len(classes)} classes, {describe_sizes(files.sizes)}"
