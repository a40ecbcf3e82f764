"""Classification: which class a sequence is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.memory.arrays import Layout, is_arrays, write_sequences
from gatewise.data.memory.images import is_clips, is_images
from gatewise.data.sequences.archives import ARCHIVES, read_archive
from gatewise.data.sequences.long_table import Fill, LongColumns, read_long
from gatewise.data.sequences.plausible import require_classes, require_steps
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.sequences.splits import split_by_class
from gatewise.data.sequences.spool import pieces
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.modules.classifier import Classifier, Majority
from gatewise.modules.network import Baseline, Network
from gatewise.modules.pooling import How
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.report.attribution import channel_track
from gatewise.report.example import Example, channels, require_example
from gatewise.tasks.base import Prediction
from gatewise.tasks.class_attribution import explain_class, weights_of
from gatewise.tasks.classification import ClassTask, class_columns, describe_prediction
from gatewise.tasks.classify.baselines import Logistic, Nearest, SummaryMLP
from gatewise.tasks.options import Count, Fraction, Options, Rate, StackOptions, TaskOptions
from gatewise.tasks.preprocessing import read_as
from gatewise.tasks.serialization import SavedModel


class ClassifyDataOptions(Options):
    """The data"""

    id: str | None = Field(None, description="The column that tells sequences apart; else found by its name.")
    time: str | None = Field(None, description="The column by which steps are in order; else as they stand.")
    label: str | None = Field(None, description="The column of the classes; else found by its name.")
    channels: tuple[str, ...] = Field((), description="The columns of values, with commas; else all others.")
    fill: Fill | None = Field(None, description="Empty cells take the value before; else they are refused.")
    test_file: str | None = Field(None, description="Other data to test on; X_TEST beside X_TRAIN is found.")
    validation_fraction: Fraction = Field(0.15, description="The part of each class to choose by.")
    test_fraction: Fraction = Field(0.15, description="The part to test on, where no other file is.")


class ClassifyNetworkOptions(StackOptions):
    """The network"""

    dropout: Rate = Field(0.3, description="Dropout between layers, and before the classes.")
    bidirectional: bool = Field(True, description="Read from both ends.")
    pooling: How = Field(
        "max",
        description="Tell classes from the largest of each unit, the last step, the mean, or by attention.",
    )


class ClassifyOptions(TaskOptions, ClassifyNetworkOptions, ClassifyDataOptions):
    """The training"""

    min_steps_per_epoch: Count = Field(
        50, description="Steps of an epoch, at least; an epoch passes over few sequences several times."
    )


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads sequences.

    source: tells the data that it was trained on; apart: whether it was tested on other data
    """

    columns: LongColumns | None
    fill: Fill | None
    classes: tuple[str, ...]
    scales: tuple[Scale, ...]
    source: str
    apart: bool
    validation_share: float
    test_share: float

    def table(self, path: Path, labelled: bool = True) -> SequenceTable:
        """A file of sequences as wide as those of the training."""
        columns = self.columns or LongColumns()
        table, _ = _read(path, columns if labelled else replace(columns, label=None), self.fill, labelled)
        if len(table.channels) != len(self.scales):
            raise GatewiseError(
                f"{path} has sequences of {_count(len(table.channels), 'channel')}; the model reads "
                f"{len(self.scales)}"
            )
        return table


@dataclass(frozen=True)
class ClassifyData:
    """Sequences ready for classification."""

    train: Sequences
    validation: Sequences
    test: Sequences
    classes: tuple[str, ...]
    reading: Preprocessing
    notes: tuple[str, ...]


class Classify(ClassTask[ClassifyData]):
    """Classifies sequences, beside regressions on their summaries and the nearest sequence."""

    name = "classify"
    about = "Tell which class a sequence is of."
    given = "a CSV or Parquet file with a row for each step, or a .ts or .arff archive"
    options = ClassifyOptions
    forms = "arrays [N, T, C], lists of arrays [T, C], or a table or file with a row for each step"

    def accepts(self, data: Any) -> bool:
        return super().accepts(data) or _is_sequences(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if not _is_sequences(data):
            return super().write(data, y, folder, layout)
        return write_sequences(data, y, folder, layout)

    def read(self, path: Path, options: ClassifyOptions) -> ClassifyData:
        columns = LongColumns(options.id, options.time, options.label, options.channels)
        for name, given in asdict(columns).items():
            if given and path.suffix.lower() in ARCHIVES:
                raise GatewiseError(f"{path} is an archive, without names of columns; leave --{name} out")
        table, found = _read(path, columns, options.fill)
        table = require_steps(table, None if found is None else "--id COLUMN")
        labels = _labels(table)
        require_classes(str(path), table.classes, len(table), "sequences")
        other = Path(options.test_file) if options.test_file else _beside(path)
        if other and other.is_file() and other.samefile(path):
            raise GatewiseError(f"{path} is what is trained on; give another --test-file, or none")
        share = 0.0 if other else options.test_fraction
        try:
            train, validation, test = split_by_class(labels, options.validation_fraction, share)
        except GatewiseError as error:
            raise GatewiseError(f"{path}: {error}") from error
        scales = table.scales(train)
        reading = Preprocessing(
            found, options.fill, table.classes, scales, fingerprint(path), bool(other),
            options.validation_fraction, share,
        )  # fmt: skip
        part = partial(Sequences, table, scales=scales)
        tested = _all_of(reading.table(other), reading) if other else part(test, labels[test])
        notes = (
            *table.notes,
            _told(table),
            f"{len(train)} sequences to train on, {len(validation)} to validate, {len(tested)} to test"
            + (f": {other}" if other else ", every class by its share"),
            *_small(table.classes, labels, labels[validation]),
        )
        return ClassifyData(
            part(train, labels[train]), part(validation, labels[validation]), tested, table.classes, reading,
            notes,
        )  # fmt: skip

    def network(self, data: ClassifyData, options: ClassifyOptions, cell: CellType) -> SequenceClassifier:
        return SequenceClassifier(
            cell, len(data.reading.scales), len(data.classes), options.hidden, options.layers,
            options.dropout, options.bidirectional, options.pooling,
        )  # fmt: skip

    def baselines(self, data: ClassifyData, options: ClassifyOptions) -> Mapping[str, Callable[[], Baseline]]:
        channels, classes = len(data.reading.scales), len(data.classes)
        return {
            "majority": partial(Majority, classes),
            "logistic": partial(Logistic, channels, classes),
            "nearest": partial(Nearest, channels, classes),
        }

    def trained_baselines(
        self, data: ClassifyData, options: ClassifyOptions
    ) -> Mapping[str, Callable[[], Network]]:
        return {"mlp": partial(SummaryMLP.of, data.train, len(data.classes))}

    def reading(self, data: ClassifyData, options: ClassifyOptions) -> dict[str, Any]:
        return asdict(data.reading)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ClassifyData:
        """The test part of the data that the model was trained on, or all of other data."""
        reading = read_as(Preprocessing, model)
        table = reading.table(path)
        if fingerprint(path) != reading.source:
            test = _all_of(table, reading)
            notes = (*table.notes, f"all {len(test)} sequences are to test")
        elif reading.apart:
            raise GatewiseError(f"the model was trained on all of {path}; give data it has not seen")
        else:
            labels = _labels(table)
            _, _, numbers = split_by_class(labels, reading.validation_share, reading.test_share)
            test = Sequences(table, numbers, labels[numbers], reading.scales)
            notes = (*table.notes, f"{len(test)} sequences to test, which the model has not seen")
        none = Sequences(table, [], [], reading.scales)
        return ClassifyData(none, none, test, reading.classes, reading, notes)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The class of each sequence, and how probable each class is."""
        reading = read_as(Preprocessing, model)
        table = reading.table(path, labelled=False)
        numbers = np.arange(len(table))
        sequences = Sequences(table, numbers, np.zeros(len(table)), reading.scales)
        assert isinstance(model.network, Classifier)
        columns = class_columns(model.network, sequences, reading.classes)
        key = (reading.columns and reading.columns.id) or "sequence"
        frame = pl.DataFrame({"sequence" if key in columns else key: table.ids, **columns})
        return Prediction(frame, f"the classes of {len(table)} sequences, with their probabilities", "label")

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A sequence of the test part, its channels in the units of the data."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test), "sequences in the test part")
        batch, table = data.test.__getitems__([number]), data.test.table
        scaled = batch.values[0].double().numpy()
        values = np.stack([scale.undo(scaled[:, c]) for c, scale in enumerate(data.reading.scales)], axis=1)
        name = f"sequence {table.ids[data.test.numbers[number]]}"
        said, tracks = (
            describe_prediction(model.network, batch, data.classes),
            channels(table.channels, values),
        )
        explain = partial(
            explain_class, model.network, batch, data.classes, "where every channel is at its mean",
            lambda given: (given.sum(1), channel_track(given, table.channels)),
        )  # fmt: skip
        return Example(
            batch, name, (*tracks, *weights_of(model.network, batch)), said, attribute=lambda _: explain()
        )


def _is_sequences(data: Any) -> bool:
    return is_arrays(data) and not is_images(data) and not is_clips(data)


def _read(
    path: Path, columns: LongColumns, fill: Fill | None, labelled: bool = True
) -> tuple[SequenceTable, LongColumns | None]:
    if path.suffix.lower() in ARCHIVES:
        return read_archive(path, labelled, fill), None
    return read_long(path, columns, labelled, fill)


def _beside(path: Path) -> Path | None:
    """The test file of an archive that comes in two."""
    other = path.with_name(path.name.replace("_TRAIN", "_TEST"))
    return other if other != path and other.is_file() else None


def _labels(table: SequenceTable) -> np.ndarray:
    """[N]: the label of each sequence. Errors: `GatewiseError` where its rows have several."""
    assert table.labels is not None
    first = np.asarray(table.labels[table.offsets[:-1]])
    for part in pieces(len(table.labels)):
        owners = np.searchsorted(table.offsets, np.arange(part.start, part.stop), side="right") - 1
        differs = table.labels[part] != first[owners]
        if differs.any():
            row = part.start + int(differs.argmax())
            which = owners[row - part.start]
            begin = int(table.offsets[which])
            told = " and ".join(
                f"of class {table.classes[table.labels[one]]!r} in {table.place(one)}" for one in (begin, row)
            )
            raise GatewiseError(
                f"{table.path}: sequence {table.ids[which]!r} is {told}; a sequence has one class "
                "(for a label of each step there is gatewise train label)"
            )
    return first


def _all_of(table: SequenceTable, reading: Preprocessing) -> Sequences:
    """All sequences of a file, by the classes that the model knows."""
    labels, known = _labels(table), {name: number for number, name in enumerate(reading.classes)}
    for number, label in enumerate(labels):
        if table.classes[label] not in known:
            raise GatewiseError(
                f"{table.path}, {table.place(int(table.offsets[number]))}: the class "
                f"{table.classes[label]!r} was not in training; it had {', '.join(reading.classes)}"
            )
    numbers = [known[table.classes[label]] for label in labels]
    return Sequences(table, np.arange(len(table)), numbers, reading.scales)


def _told(table: SequenceTable) -> str:
    least, most = int(table.sizes.min()), int(table.sizes.max())
    steps = f"{least} to {most} steps" if least < most else _count(most, "step")
    return (
        f"{len(table)} sequences of {steps} and {_count(len(table.channels), 'channel')}, "
        f"of {len(table.classes)} classes"
    )


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


def _small(classes: tuple[str, ...], labels: np.ndarray, validation: np.ndarray) -> list[str]:
    """A note on classes with too few sequences to be in every part."""
    few = [classes[one] for one in np.setdiff1d(labels, validation)]
    named = ", ".join(few[:5]) + (" ..." if len(few) > 5 else "")
    return [f"too few to validate or test, so all in training: {named}"] if few else []


TASK = Classify()
