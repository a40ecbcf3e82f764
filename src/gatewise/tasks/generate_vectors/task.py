"""Generation of sequences of vectors: piano rolls, pen strokes, any table with a row for each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import polars.selectors as cs
import torch

from gatewise.cells.base import CellType
from gatewise.data.memory.arrays import Layout, is_arrays, write_sequences
from gatewise.data.opening import data_suffix
from gatewise.data.sequences.archives import ARCHIVES
from gatewise.data.sequences.sequences import Sequences
from gatewise.data.tables.parquet_folder import PARQUET
from gatewise.data.tables.typed import ARROW, EXCEL
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.base import Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.generate_vectors.baselines import BASELINES
from gatewise.tasks.generate_vectors.data import (
    Preprocessing,
    VectorData,
    read_data,
    read_further_data,
    read_test_data,
    some_sequences,
)
from gatewise.tasks.generate_vectors.deploy import DeployedVectors, deployed
from gatewise.tasks.generate_vectors.inspect import inspect_sequence
from gatewise.tasks.generate_vectors.metrics import (
    VectorPredictions,
    nats_by_place,
    next_vectors,
    nll_by_place,
    score,
)
from gatewise.tasks.generate_vectors.network import NextVector, SequenceModel
from gatewise.tasks.generate_vectors.options import (
    GenerateVectorsOptions,
    VectorSampling,
)
from gatewise.tasks.generate_vectors.plots import COLUMNS, draw_vectors
from gatewise.tasks.generate_vectors.stepwise import stepwise
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES = (".csv", *PARQUET, *ARROW, *EXCEL)  # JSON lines are texts


class GenerateVectors(Task[VectorData, GenerateVectorsOptions, NextVector, VectorPredictions]):
    """Generative models of sequences, compared with linear models."""

    name = "generate-vectors"
    about = "Learn to continue sequences of vectors: notes, strokes, measurements."
    data_help = "a CSV or Parquet file with a row for each step, or a .ts or .arff archive"
    options = GenerateVectorsOptions
    stream_ending = ".csv"
    accepted_data = "arrays [N, T, C], lists of arrays [T, C], or a table or file with a row for each step"
    sampling = VectorSampling
    samples_are_tables = True
    metrics = (
        Metric("nats", "nats/step", relative=False),
        Metric("nats_later", "from the 2nd", relative=False),
    )
    selection_metric = metrics[0]
    next_command = "gatewise sample {run} --out drawn.csv"

    def claims(self, data: Path | None, options: Mapping[str, Any], y: object = None) -> bool:
        return data is not None and (data_suffix(data) in TABLES or data.suffix.lower() in ARCHIVES)

    def accepts(self, data: object) -> bool:
        return super().accepts(data) or is_arrays(data)

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if not is_arrays(data):
            return super().write(data, y, folder, layout)
        return write_sequences(data, None, folder, layout)

    def sample(self, model: SavedModel, options: VectorSampling) -> pl.DataFrame:
        """Samples sequences of vectors: a row for each step."""
        assert isinstance(model.network, SequenceModel)
        preprocessing = load_preprocessing(Preprocessing, model)
        seed = torch.Generator().seed() % 2**31 if options.seed is None else options.seed
        steps = options.length or preprocessing.steps
        vectors = sample(model.network, preprocessing, steps, options.count, options.bias, seed)
        return preprocessing.to_table(vectors)

    def draw_sample(self, model: SavedModel, sample: pl.DataFrame) -> Figure:
        preprocessing = load_preprocessing(Preprocessing, model)
        tables = sample.partition_by(sample.columns[0])
        sequences = [table.select(preprocessing.channels).to_numpy() for table in tables]
        return draw_vectors({f"sampled from {model.name}": sequences}, preprocessing.layout)

    def read(self, path: Path, options: GenerateVectorsOptions) -> VectorData:
        return read_data(path, options)

    def network(self, data: VectorData, options: GenerateVectorsOptions, cell: CellType) -> SequenceModel:
        return SequenceModel(
            cell,
            channels=len(data.preprocessing.channels),
            binary=data.preprocessing.binary,
            hidden=options.hidden,
            layers=options.layers,
            heads=options.heads,
            dropout=options.dropout,
            components=options.components,
            skip=options.skip,
            input_scale=options.input_scale,
        )

    def baselines(
        self, data: VectorData, options: GenerateVectorsOptions
    ) -> Mapping[str, Callable[[], Baseline]]:
        channels, binary = len(data.preprocessing.channels), data.preprocessing.binary
        return {name: partial(kind, channels, binary) for name, kind in BASELINES.items()}

    def predictions(self, network: NextVector, data: VectorData, split: Sequences) -> VectorPredictions:
        return VectorPredictions(network, split, *nats_by_place(network, split))

    def score(self, predictions: VectorPredictions, data: VectorData) -> dict[str, float]:
        return score(predictions)

    def preprocessing(self, data: VectorData, options: GenerateVectorsOptions) -> dict[str, Any]:
        return asdict(data.preprocessing)

    def load_for_evaluation(self, model: SavedModel, path: Path) -> VectorData:
        """The test set of the training data, or all of other data."""
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(
        self, model: SavedModel, path: Path, options: GenerateVectorsOptions
    ) -> VectorData:
        return read_further_data(path, load_preprocessing(Preprocessing, model), options)

    def predicts_tables(self, model: SavedModel) -> bool:
        return True

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Predicts the vector after the end of each sequence."""
        preprocessing = load_preprocessing(Preprocessing, model)
        table = preprocessing.table(path, with_sets=False)
        assert isinstance(model.network, SequenceModel)
        expected = next_vectors(model.network, some_sequences(table, range(len(table)), preprocessing.scales))
        values = preprocessing.in_units(expected.numpy())
        if preprocessing.differences:
            values[:, preprocessing.changing] += preprocessing.ends(path)[:, preprocessing.changing]
        frame = {preprocessing.key: table.ids, **dict(zip(preprocessing.channels, values.T, strict=True))}
        about = f"the vector expected after each of {len(table)} sequences; probabilities of binary channels"
        return Prediction(pl.DataFrame(frame).with_columns(cs.float().round_sig_figs(7)), about)

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def deployed(self, model: SavedModel) -> DeployedVectors:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_sequence(model.network, self.load_for_evaluation(model, path), number)

    def details(self, predictions: VectorPredictions, data: VectorData) -> list[Details]:
        return [nll_by_place(predictions)]

    def caption(self, data: VectorData) -> str:
        text = "* a baseline; nats/step: the mean -ln p of a vector given all before it"
        real = len(data.preprocessing.binary) < len(data.preprocessing.channels)
        scaled = ", real channels scaled to a standard deviation of 1" if real else ""
        return f"{text}{scaled}; from the 2nd: without the first vectors"

    def draw(self, comparison: Comparison[VectorData, VectorPredictions]) -> list[Plot]:
        chosen, data = comparison.chosen_network, comparison.data
        assert isinstance(chosen.network, SequenceModel)
        middle = np.argsort(data.test.sizes.numpy(), kind="stable")[len(data.test) // 2 :][:COLUMNS]
        vectors = [data.test.__getitems__([number]).values[0] for number in middle.tolist()]
        truth = [data.preprocessing.whole(values.numpy()) for values in vectors]
        sampled = sample(chosen.network, data.preprocessing, max(map(len, truth)), COLUMNS)
        kinds = {"true, of the test set": truth, f"sampled from {chosen.name}": sampled}
        figure = draw_vectors(kinds, data.preprocessing.layout)
        return [Plot("drawn", "true sequences, and some sampled from the network", figure)]


def sample(
    network: SequenceModel,
    preprocessing: Preprocessing,
    length: int,
    count: int,
    bias: float = 0.0,
    seed: int = 0,
) -> list[np.ndarray]:
    """Sequences [length, C] sampled from a model, in the units of its data; positions begin at 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        sequences = network.eval().sample(length, count, bias).numpy()
    return [preprocessing.whole(sequence) for sequence in sequences]


TASK = GenerateVectors()
