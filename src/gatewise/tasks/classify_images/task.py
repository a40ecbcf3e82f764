"""Classification of images: row by row, or as a lattice of patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import refuse_decaying, require_sequence
from gatewise.cells.transforms import transform_of
from gatewise.data.images.image_file import is_image
from gatewise.data.images.images import find_images
from gatewise.data.images.labelled_images import LabelledImages
from gatewise.data.images.left_out import left_out_below, printable
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.images import is_images, write_images
from gatewise.data.tables.csv_folder import find_csv_files
from gatewise.data.tables.parquet_folder import find_parquet_files
from gatewise.errors import GatewiseError
from gatewise.modules.classifier import Classifier, Majority
from gatewise.modules.image_lattices import image_cell
from gatewise.modules.network import Baseline, Network
from gatewise.plots.highest_loss import MAX_IMAGES
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.tasks.classification import (
    ClassPredictions,
    ClassTask,
    class_columns,
    plot_highest_loss,
    require_classifier,
)
from gatewise.tasks.classify_images.baselines import ConvolutionClassifier, NearestImage, PixelRegression
from gatewise.tasks.classify_images.data import ImageData, Preprocessing, read_data, read_test_data
from gatewise.tasks.classify_images.deploy import DeployedImages, deployed
from gatewise.tasks.classify_images.inspect import inspect_image
from gatewise.tasks.classify_images.network import GridClassifier, LatticeClassifier
from gatewise.tasks.classify_images.options import ClassifyImagesOptions
from gatewise.tasks.classify_images.rows import RowClassifier
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

MAX_SIDE = 64  # pixels; the convolutional baseline resizes larger images


class ClassifyImages(ClassTask[ImageData, ClassifyImagesOptions]):
    """Classifies images; compared with logistic regression, the nearest image and a convolutional network."""

    name = "classify-images"
    about = "Predict the class of an image."
    data_help = "a folder with a folder of images for each class"
    options = ClassifyImagesOptions

    def accepts(self, data: object) -> bool:
        if isinstance(data, str | Path):
            return Path(data).is_dir()
        return is_images(data)

    def claims(self, data: Path | None, options: Mapping[str, Any], y: object = None) -> bool:
        if data is None or not data.is_dir():
            return False
        if find_parquet_files(data) or find_csv_files(data):  # maybe with a plot beside them
            folders = (one for one in data.iterdir() if one.is_dir())
            return any(is_image(one) for folder in folders for one in folder.rglob("*"))
        return any(data.iterdir())

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, str | Path):
            return Path(data), {}
        return write_images(data, folder, y), {}

    def check(self, options: ClassifyImagesOptions, cell: CellType) -> None:
        if options.network == "stack":
            require_sequence(cell, "rows need a cell of sequences; give lstm, or --network lattice")
            refuse_decaying(cell)
            options.check_heads(cell)
        elif options.network == "lattice":
            image_cell(cell)
        else:
            transform_of(cell)
        _check_options(options)

    def display_name(self, options: ClassifyImagesOptions, cell: str) -> str:
        return cell if options.network == "stack" else f"{options.network}-{cell}"

    def read(self, path: Path, options: ClassifyImagesOptions) -> ImageData:
        return read_data(path, options)

    def network(self, data: ImageData, options: ClassifyImagesOptions, cell: CellType) -> Classifier:
        channels, classes = data.preprocessing.form.channels, len(data.classes)
        if options.network == "stack":
            assert data.preprocessing.width is not None
            return RowClassifier(
                cell=cell,
                channels=channels,
                width=data.preprocessing.width,
                classes=classes,
                hidden=options.hidden,
                layers=options.layers,
                heads=options.heads,
                dropout=options.dropout,
                bidirectional=options.bidirectional,
                pooling=options.pooling,
                shift=options.shift,
            )
        pooling: Literal["last", "mean"] = "mean" if options.pooling == "mean" else "last"
        if options.network == "lattice":
            return LatticeClassifier(
                cell=cell,
                channels=channels,
                classes=classes,
                patch=options.patch,
                hidden=options.hidden,
                layers=options.layers,
                pooling=pooling,
                dropout=options.dropout,
                shift=options.shift,
            )
        return GridClassifier(
            transform=transform_of(cell),
            channels=channels,
            classes=classes,
            patch=options.patch,
            hidden=options.hidden,
            layers=options.layers,
            tied=options.depth_weights == "tied",
            pooling=pooling,
            dropout=options.dropout,
            shift=options.shift,
        )

    def baselines(
        self, data: ImageData, options: ClassifyImagesOptions
    ) -> Mapping[str, Callable[[], Baseline]]:
        channels, classes = data.preprocessing.form.channels, len(data.classes)
        return {
            "majority": partial(Majority, classes),
            "logistic": partial(PixelRegression, channels, classes),
            "nearest": partial(NearestImage, channels, classes),
        }

    def trained_baselines(
        self, data: ImageData, options: ClassifyImagesOptions
    ) -> Mapping[str, Callable[[], Network]]:
        median_size = np.median(data.train.files.sizes[data.train.numbers], axis=0)
        height, width = (
            np.maximum(median_size * min(1.0, MAX_SIDE / median_size.max()), 1).astype(int).tolist()
        )
        channels, classes = data.preprocessing.form.channels, len(data.classes)
        return {"cnn": partial(ConvolutionClassifier, channels, height, width, classes)}

    def preprocessing(self, data: ImageData, options: ClassifyImagesOptions) -> dict[str, Any]:
        return asdict(data.preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ImageData:
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(
        self, model: SavedModel, path: Path, options: ClassifyImagesOptions
    ) -> ImageData:
        return read_data(path, options, load_preprocessing(Preprocessing, model))

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The class of each image below a folder, or of one image, and the probability of each class."""
        preprocessing = load_preprocessing(Preprocessing, model)
        images = find_images(path)
        names = [printable(str(image.relative_to(path)) if image != path else image.name) for image in images]
        files = preprocessing.files(images)
        dataset = LabelledImages(files, range(len(images)), [0] * len(images))
        columns = class_columns(require_classifier(model.network), dataset, preprocessing.classes)
        about = f"the classes of {len(images):,} images, with their probabilities"
        notes = "; ".join((about, *left_out_below(path), *files.notes))
        return Prediction(pl.DataFrame({"image": names, **columns}), notes, "label")

    def deployed(self, model: SavedModel) -> DeployedImages:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_image(require_classifier(model.network), self.load_for_evaluation(model, path), number)

    def draw(self, comparison: Comparison[ImageData, ClassPredictions]) -> list[Plot]:
        test = comparison.data.test

        def frames(number: int) -> list[np.ndarray]:
            return [test.files[test.numbers[number]]]

        return [*super().draw(comparison), plot_highest_loss(comparison, "images", MAX_IMAGES, frames)]


def _check_options(options: ClassifyImagesOptions) -> None:
    """Checks that options belong to the kind of network. Raises: `GatewiseError`."""
    if options.network != "stack" and options.bidirectional:
        raise GatewiseError(f"a {options.network} scans in all four directions; leave --bidirectional out")
    if options.network != "stack" and options.heads > 1:
        raise GatewiseError(
            f"--heads {options.heads} is for the layers of a stack; a {options.network} has none"
        )
    if options.network != "grid" and options.depth_weights == "untied":
        raise GatewiseError("every layer has its own parameters already; --depth-weights is for a grid")
    if options.network != "stack" and options.pooling not in ("last", "mean"):
        raise GatewiseError(f"a {options.network} has --pooling last or mean; {options.pooling} is for rows")


TASK = ClassifyImages()
