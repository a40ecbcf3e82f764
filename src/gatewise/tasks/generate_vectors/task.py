"""Generation of sequences of vectors: piano rolls, pen strokes, any table with a row for each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
import polars.selectors as cs
import torch
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.memory.arrays import Layout, is_arrays, write_sequences
from gatewise.data.sequences.archives import ARCHIVES
from gatewise.data.sequences.differences import differences
from gatewise.data.sequences.long_table import LongColumns
from gatewise.data.sequences.plausible import require_steps
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.sequences.vector_parts import binary_channels, in_pieces, named_parts, random_parts
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, Line, Track, channels, require_example
from gatewise.tasks.base import Prediction, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.generate_vectors.baselines import BASELINES
from gatewise.tasks.generate_vectors.data import VectorReading, read_vectors
from gatewise.tasks.generate_vectors.metrics import mean_by_place, next_vectors, score
from gatewise.tasks.generate_vectors.network import NextVector, SequenceModel
from gatewise.tasks.generate_vectors.plots import COLUMNS, draw_vectors
from gatewise.tasks.options import Count, CountOrFound, Depth, Fraction, Options, Rate, Size, TaskOptions
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES = (".csv", ".parquet", ".pq")


class VectorOptions(Options):
    """The data"""

    id: str | None = Field(None, description="The column of sequence identifiers.")
    time: str | None = Field(
        None, description="The column that orders the steps; by default the order of the rows."
    )
    channels: tuple[str, ...] = Field(
        (), description="The columns of values, with commas; by default all others."
    )
    differences: tuple[str, ...] = Field(
        (), description="Columns of positions, as of a pen, whose differences are modelled."
    )
    split_column: str | None = Field(
        None, description="A column with the values train, validation and test; random by default."
    )
    fill: Literal["forward"] | None = Field(None, description="How to fill empty cells; refused by default.")
    validation_fraction: Fraction = Field(0.15, description="Fraction of the sequences for validation.")
    test_fraction: Fraction = Field(0.15, description="Fraction of the sequences for the test set.")
    steps: Count = Field(
        512, description="The length of the segments that longer sequences are split into in training."
    )


class VectorNetworkOptions(Options):
    """The network"""

    hidden: Size = Field(200, description="Hidden units of a layer.")
    layers: Depth = Field(1, description="Stacked layers.")
    dropout: Rate = Field(0.2, description="Between layers, and before the head.")
    components: Size = Field(20, description="Components of the Gaussian mixture of the real channels.")


class GenerateVectorsOptions(TaskOptions, VectorNetworkOptions, VectorOptions):
    """The training"""

    epochs: Count = Field(100, description="The maximum number of epochs.")
    patience: Count = Field(8, description="Epochs without a better validation score before training stops.")
    learning_rate: float = Field(2e-3, gt=0, description="Of AdamW.")


class VectorSampling(Options):
    """Sampling"""

    length: CountOrFound = Field(0, description="Steps to sample; 0 for the median length of the data.")
    count: Count = Field(3, description="Sequences to sample.")
    bias: float = Field(0.0, ge=0, description="Above 0, real channels are sampled closer to their mode.")
    seed: int | None = Field(None, ge=0, description="Seed of the random generator, to repeat a sample.")


@dataclass(frozen=True)
class VectorData:
    """Sequences, split into training, validation and test set."""

    train: Sequences
    validation: Sequences
    test: Sequences
    reading: VectorReading
    notes: tuple[str, ...]


class GenerateVectors(Task[VectorData]):
    """Generative models of sequences, compared with linear models."""

    name = "generate-vectors"
    about = "Learn to continue sequences of vectors: notes, strokes, measurements."
    given = "a CSV or Parquet file with a row for each step, or a .ts or .arff archive"
    options = GenerateVectorsOptions
    forms = "arrays [N, T, C], lists of arrays [T, C], or a table or file with a row for each step"
    sampling = VectorSampling
    samples_table = True
    metrics = (
        Metric("nats", "nats/step", relative=False),
        Metric("nats_later", "from the 2nd", relative=False),
    )
    chosen_by = metrics[0]
    next_step = "gatewise sample {run} --out drawn.csv"

    def claims(self, data: Path, given: Mapping[str, Any]) -> bool:
        return data.suffix.lower() in (*TABLES, *ARCHIVES)

    def accepts(self, data: Any) -> bool:
        return super().accepts(data) or is_arrays(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if not is_arrays(data):
            return super().write(data, y, folder, layout)
        return write_sequences(data, None, folder, layout)

    def sample(self, model: SavedModel, options: VectorSampling) -> pl.DataFrame:
        """Samples sequences of vectors: a row for each step."""
        assert isinstance(model.network, SequenceModel)
        reading = load_preprocessing(VectorReading, model)
        seed = torch.Generator().seed() % 2**31 if options.seed is None else options.seed
        steps = options.length or reading.steps
        return reading.as_table(sample(model.network, reading, steps, options.count, options.bias, seed))

    def draw_sample(self, model: SavedModel, sample: pl.DataFrame) -> Figure:
        reading = load_preprocessing(VectorReading, model)
        drawn = [one.select(reading.channels).to_numpy() for one in sample.partition_by(sample.columns[0])]
        return draw_vectors({f"drawn by {model.name}": drawn}, reading.look)

    def read(self, path: Path, options: GenerateVectorsOptions) -> VectorData:
        columns = LongColumns(options.id, options.time, None, options.channels, options.split_column)
        table, found = read_vectors(path, columns, options.fill)
        if found is None and options.split_column is not None:
            raise GatewiseError(
                f"an archive has no column {options.split_column!r}; leave --split-column out"
            )
        table = require_steps(table, None if found is None else "--id COLUMN")
        table = differences(table, options.differences) if options.differences else table
        if options.split_column is None:
            parts = random_parts(table, options.validation_fraction, options.test_fraction)
            drawn = "drawn at random"
        else:
            parts, drawn = (
                named_parts(table, options.split_column),
                f"as column {options.split_column!r} says",
            )
        binary = binary_channels(table)
        scales = tuple(
            Scale(0.0, 1.0) if place in binary else scale
            for place, scale in enumerate(table.scales(parts[0]))
        )
        reading = VectorReading(
            found, table.channels, options.fill, options.differences, options.split_column, binary, scales,
            fingerprint(path), options.validation_fraction, options.test_fraction,
            int(np.median(table.sizes)),
        )  # fmt: skip
        sizes = "{} sequences to train on, {} to validate, {} to test".format(*map(len, parts))
        notes = (*table.notes, _told(table, binary, options.differences), f"{sizes}: {drawn}")
        train = _part(*in_pieces(table, parts[0], options.steps), scales)
        validation, test = (_part(table, numbers, scales) for numbers in parts[1:])
        return VectorData(train, validation, test, reading, notes)

    def network(self, data: VectorData, options: GenerateVectorsOptions, cell: CellType) -> SequenceModel:
        return SequenceModel(
            cell,
            channels=len(data.reading.channels),
            binary=data.reading.binary,
            hidden=options.hidden,
            layers=options.layers,
            dropout=options.dropout,
            components=options.components,
        )

    def baselines(
        self, data: VectorData, options: GenerateVectorsOptions
    ) -> Mapping[str, Callable[[], Baseline]]:
        reading = data.reading
        return {
            name: partial(kind, len(reading.channels), reading.binary) for name, kind in BASELINES.items()
        }

    def score(self, predictions: Predictions[NextVector, Sequences], data: VectorData) -> dict[str, float]:
        network, part = predictions.network, predictions.split
        return score(network, part)

    def preprocessing(self, data: VectorData, options: GenerateVectorsOptions) -> dict[str, Any]:
        return asdict(data.reading)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> VectorData:
        """The test set of the training data, or all of other data."""
        reading = load_preprocessing(VectorReading, model)
        same = fingerprint(path) == reading.source
        table = reading.table(path, parted=same)
        if not same:
            numbers, told = list(range(len(table))), "all sequences are to test"
        else:
            if reading.part is None:
                parts = random_parts(table, reading.validation_share, reading.test_share)
            else:
                parts = named_parts(table, reading.part)
            numbers, told = parts[2], f"{len(parts[2])} sequences to test, which the model has not seen"
        none, test = (_part(table, one, reading.scales) for one in ([], numbers))
        return VectorData(none, none, test, reading, (*table.notes, told))

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Predicts the vector after the end of each sequence."""
        reading = load_preprocessing(VectorReading, model)
        table = reading.table(path, parted=False)
        assert isinstance(model.network, SequenceModel)
        expected = next_vectors(model.network, _part(table, range(len(table)), reading.scales))
        values = reading.in_units(expected.numpy())
        if reading.differences:
            values[:, reading.changing] += reading.ends(path)[:, reading.changing]
        frame = {reading.key: table.ids, **dict(zip(reading.channels, values.T, strict=True))}
        about = f"what is expected after each of {len(table)} sequences; of a 0/1 channel its probability"
        return Prediction(pl.DataFrame(frame).with_columns(cs.float().round_sig_figs(7)), about)

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A sequence of the test set, with the NLL of each vector."""
        data, network = self.load_for_evaluation(model, path), model.network
        require_example(number, len(data.test), "sequences in the test set")
        batch = data.test.__getitems__([number])
        assert isinstance(network, SequenceModel)
        with torch.inference_mode():
            nats = network.nats(batch)[0].double().numpy()
        nll = Track("nats of the next vector", (Line("nats", nats),))
        tracks = (*channels(data.reading.channels, data.reading.whole(batch.values[0].numpy())), nll)
        name = f"sequence {data.test.table.ids[data.test.numbers[number]]}"
        said = f"{nats.mean():.3f} nats/step"
        return Example(batch, name, tracks, said, last=lambda: network.nats(batch)[0, -1])

    def details(self, predictions: Predictions[NextVector, Sequences], data: VectorData) -> list[Details]:
        network = predictions.network
        told = mean_by_place(network, data.test)
        rows = tuple((name, str(count), f"{nats:.3f}") for name, count, nats in told)
        return [
            Details(
                "NLL by the number of preceding steps, on the test set", ("before", "steps", "nats"), rows
            )
        ]

    def caption(self, data: VectorData) -> str:
        told = "* a baseline; nats/step: the mean -ln p of a vector given all before it"
        real = len(data.reading.binary) < len(data.reading.channels)
        scaled = ", real channels at deviation 1" if real else ""
        return f"{told}{scaled}; from the 2nd: without the first vectors"

    def draw(self, comparison: Comparison[VectorData]) -> list[Plot]:
        chosen, data = comparison.chosen(baseline=False), comparison.data
        assert chosen is not None
        assert isinstance(chosen.network, SequenceModel)
        middle = np.argsort(data.test.sizes.numpy(), kind="stable")[len(data.test) // 2 :][:COLUMNS]
        vectors = [data.test.__getitems__([number]).values[0] for number in middle.tolist()]
        true = [data.reading.whole(one.numpy()) for one in vectors]
        drawn = sample(chosen.network, data.reading, max(map(len, true)), COLUMNS)
        kinds = {"true, of the test part": true, f"drawn by {chosen.name}": drawn}
        figure = draw_vectors(kinds, data.reading.look)
        return [Plot("drawn", "true sequences, and some that the network drew", figure)]


def sample(
    network: SequenceModel, reading: VectorReading, length: int, count: int, bias: float = 0.0, seed: int = 0
) -> list[np.ndarray]:
    """Sequences [length, C] drawn from a model, in the units of its data; positions begin at 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return [reading.whole(one) for one in network.eval().sample(length, count, bias).numpy()]


def _part(table: SequenceTable, numbers: Sequence[int] | np.ndarray, scales: tuple[Scale, ...]) -> Sequences:
    return Sequences(table, numbers, np.zeros(len(numbers)), scales)


def _told(table: SequenceTable, binary: tuple[int, ...], changes: tuple[str, ...]) -> str:
    sizes, real = table.sizes, len(table.channels) - len(binary)
    steps = f"{sizes.min()} to {sizes.max()} steps" if sizes.min() < sizes.max() else f"{sizes[0]} steps"
    changing = f"; of {', '.join(changes)} the changes are learned" if changes else ""
    return (
        f"{len(table)} sequences of {steps}; channels that are 0 or 1: {len(binary)}, real: {real}{changing}"
    )


TASK = GenerateVectors()
