"""Classification of clips, by a convolution of every frame and recurrent layers over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gatewise.cells.base import CellType
from gatewise.data.images.clips import LabelledClips
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.images import is_clips, write_clips
from gatewise.data.sequences.array_files import has_sequences
from gatewise.modules.classifier import Majority
from gatewise.modules.network import Baseline, Network
from gatewise.plots.highest_loss import MAX_CLIPS, evenly_spaced_frames
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.classification import (
    ClassPredictions,
    ClassTask,
    class_columns,
    plot_highest_loss,
    require_classifier,
)
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.frames.baselines import MeanFrame
from gatewise.tasks.frames.data import ARRAYS, FrameData, Preprocessing, read_data, read_test_data
from gatewise.tasks.frames.deploy import DeployedFrames, deployed
from gatewise.tasks.frames.inspect import inspect_clip
from gatewise.tasks.frames.network import FrameClassifier, FrameMean
from gatewise.tasks.frames.options import FrameOptions
from gatewise.tasks.frames.stepwise import stepwise
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel


class Frames(ClassTask[FrameData, FrameOptions]):
    """Classifies clips; compared with baselines that do not depend on the order of frames."""

    name = "frames"
    about = "Predict the class of a clip of images."
    data_help = "a folder with a folder of clips for each class, or a .npz file of arrays"
    options = FrameOptions

    def accepts(self, data: object) -> bool:
        if isinstance(data, str | Path):
            return Path(data).suffix.lower() == ARRAYS
        return is_clips(data)

    def claims(self, data: Path | None, options: Mapping[str, Any], y: object = None) -> bool:
        return data is not None and data.suffix.lower() == ARRAYS and not has_sequences(data)

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, str | Path):
            return Path(data), {}
        return write_clips(data, folder, y), {}

    def read(self, path: Path, options: FrameOptions) -> FrameData:
        return read_data(path, options)

    def network(self, data: FrameData, options: FrameOptions, cell: CellType) -> FrameClassifier:
        return FrameClassifier(
            cell=cell,
            **_shape(data),
            filters=options.filters,
            features=options.features,
            hidden=options.hidden,
            layers=options.layers,
            heads=options.heads,
            dropout=options.dropout,
            bidirectional=options.bidirectional,
            pooling=options.pooling,
        )

    def baselines(self, data: FrameData, options: FrameOptions) -> Mapping[str, Callable[[], Baseline]]:
        return {
            "majority": partial(Majority, len(data.classes)),
            "mean frame": partial(MeanFrame, **_shape(data)),
        }

    def trained_baselines(
        self, data: FrameData, options: FrameOptions
    ) -> Mapping[str, Callable[[], Network]]:
        make = partial(FrameMean, **_shape(data), filters=options.filters, features=options.features)
        return {"cnn mean": make}

    def preprocessing(self, data: FrameData, options: FrameOptions) -> dict[str, Any]:
        return asdict(data.preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> FrameData:
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: FrameOptions) -> FrameData:
        return read_data(path, options, load_preprocessing(Preprocessing, model))

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The class of each clip, and the probability of each class."""
        preprocessing = load_preprocessing(Preprocessing, model)
        clips, names = preprocessing.unlabelled(path)
        dataset = LabelledClips(clips, range(len(clips)), [0] * len(clips))
        columns = class_columns(require_classifier(model.network), dataset, preprocessing.classes)
        about = f"the classes of {len(clips)} clips, with their probabilities"
        return Prediction(pl.DataFrame({"clip": names, **columns}), "; ".join((about, *clips.notes)), "label")

    def deployed(self, model: SavedModel) -> DeployedFrames:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_clip(require_classifier(model.network), self.load_for_evaluation(model, path), number)

    def draw(self, comparison: Comparison[FrameData, ClassPredictions]) -> list[Plot]:
        test = comparison.data.test

        def frames(number: int) -> list[np.ndarray]:
            return evenly_spaced_frames(test.clips[test.numbers[number]])

        return [*super().draw(comparison), plot_highest_loss(comparison, "clips", MAX_CLIPS, frames)]


def _shape(data: FrameData) -> dict[str, int]:
    """The sizes of a frame and the number of classes, as the networks' arguments."""
    height, width = data.preprocessing.size
    channels, classes = data.preprocessing.form.channels, len(data.classes)
    return {"channels": channels, "height": height, "width": width, "classes": classes}


TASK = Frames()
