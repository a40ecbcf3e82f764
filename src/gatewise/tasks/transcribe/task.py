"""The transcription task: a text for each sequence, without an alignment (CTC)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.cells.base import CellType
from gatewise.data.labels.transcript_data import (
    TranscriptData,
)
from gatewise.data.labels.transcripts import TranscriptDataset
from gatewise.data.memory.arrays import SEQUENCE, Layout, is_arrays, write_sequences
from gatewise.data.memory.images import is_images, write_captioned, write_images
from gatewise.data.memory.labels import text_column
from gatewise.errors import GatewiseError
from gatewise.metrics.counts import exact_match
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.ctc import steps_needed
from gatewise.modules.image_lattices import image_cell
from gatewise.modules.network import Baseline, Network
from gatewise.modules.strip_fronts import Front
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.tasks.base import Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel
from gatewise.tasks.transcribe.baselines import MajorityText, WindowTranscriber
from gatewise.tasks.transcribe.data import Preprocessing, read_data, read_further_data, read_test_data
from gatewise.tasks.transcribe.deploy import DeployedTranscriber, deployed
from gatewise.tasks.transcribe.inspect import inspect_transcript
from gatewise.tasks.transcribe.metrics import Transcripts, edit_table, error_rate, find_texts, text_table
from gatewise.tasks.transcribe.network import Transcriber, TranscriptNetwork, output_steps
from gatewise.tasks.transcribe.options import (
    TranscribeOptions,
)
from gatewise.tasks.transcribe.plots import draw_texts

HEIGHT_PER_FRAME = 8  # pixels of height for each column of a stack, by default
TEXTS = "texts.parquet"  # beside the sequences that were given as arrays


class Transcribe(Task[TranscriptData, TranscribeOptions, Transcriber, Transcripts]):
    """Transcription, compared with the most frequent text and a sliding window."""

    name = "transcribe"
    about = "Predict the text of an image or a sequence; label --head ctc is the same."
    data_help = (
        "a table of images and their texts, the folder that holds both, or a table with a row for each step"
    )
    options = TranscribeOptions
    stream_ending = ".csv"
    metrics = (
        Metric("error_rate", "error rate", ".2%"),
        Metric("exact", "exact", ".1%", higher_is_better=True),
    )
    selection_metric = metrics[0]
    tunable = frozenset({"targets"})
    next_command = "gatewise predict {run} {data} --out texts.csv"

    def claims(self, data: Path | None, options: Mapping[str, Any], y: object = None) -> bool:
        return options.get("head") == "ctc"

    def accepts(self, data: object) -> bool:
        return super().accepts(data) or is_arrays(data) or is_images(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if is_images(data):
            return (write_images(data, folder) if y is None else write_captioned(data, folder, y)), {}
        if not is_arrays(data):
            return super().write(data, y, folder, layout)
        path, columns = write_sequences(data, None, folder, layout)
        if y is None:
            return path, columns
        sequence = range(len(data))
        texts = pl.DataFrame({SEQUENCE: sequence, "text": text_column(y, len(data), "sequences")})
        texts.write_parquet(folder / TEXTS)
        return path, {**columns, "targets": TEXTS}

    def check(self, options: TranscribeOptions, cell: CellType) -> None:
        super().check(options, cell)
        if options.front == "lattice":
            image_cell(cell)

    def read(self, path: Path, options: TranscribeOptions) -> TranscriptData:
        data = read_data(path, options)
        _choose_stack_frames(data, options)
        return data

    def network(self, data: TranscriptData, options: TranscribeOptions, cell: CellType) -> TranscriptNetwork:
        return TranscriptNetwork(
            symbols=len(data.tokenizer.symbols),
            cell=cell,
            channels=data.channels,
            hidden=options.hidden,
            layers=options.layers,
            heads=options.heads,
            bidirectional=options.bidirectional,
            stack_frames=_choose_stack_frames(data, options),
            front=options.front,
            height=data.height,
            dropout=options.dropout,
        )

    def baselines(
        self, data: TranscriptData, options: TranscribeOptions | None = None
    ) -> Mapping[str, Callable[[], Baseline]]:
        return {"majority": partial(MajorityText, len(data.tokenizer.symbols))}

    def trained_baselines(
        self, data: TranscriptData, options: TranscribeOptions
    ) -> Mapping[str, Callable[[], Network]]:
        stack_frames = _choose_stack_frames(data, options.model_copy(update={"front": "none"}))
        return {
            "window": partial(WindowTranscriber, len(data.tokenizer.symbols), data.channels, stack_frames)
        }

    def predictions(
        self, network: Transcriber, data: TranscriptData, split: TranscriptDataset
    ) -> Transcripts:
        texts, _ = find_texts(network, split, data.beam)
        values = [[data.tokenizer.symbols[number - 1] for number in text] for text in texts]
        return Transcripts(network, split, values, [data.tokenizer.split(text) for text in split.texts])

    def score(self, predictions: Transcripts, data: TranscriptData) -> dict[str, float]:
        truth, predicted = predictions.truth, predictions.values
        return {"error_rate": error_rate(truth, predicted), "exact": exact_match(truth, predicted)}

    def preprocessing(self, data: TranscriptData, options: TranscribeOptions) -> dict[str, Any]:
        return {"form": asdict(data.preprocessing), "source": data.source}

    def load_for_evaluation(self, model: SavedModel, path: Path) -> TranscriptData:
        """The test set of the training data, or all of other data."""
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(
        self, model: SavedModel, path: Path, options: TranscribeOptions
    ) -> TranscriptData:
        data = read_further_data(path, load_preprocessing(Preprocessing, model), options)
        assert isinstance(model.network, TranscriptNetwork)
        _choose_stack_frames(data, options.model_copy(update={"stack_frames": model.network.stack_frames}))
        return data

    def evaluation_baselines(self, data: TranscriptData) -> Mapping[str, Callable[[], Baseline]]:
        return {} if not len(data.train) else self.baselines(data)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Transcribes the images or sequences of the data."""
        preprocessing, network = load_preprocessing(Preprocessing, model).form, model.network
        assert isinstance(network, Transcriber)
        new = preprocessing.read_untranscribed(path)
        texts, probabilities = find_texts(network, new.inputs, preprocessing.options.beam)
        decoded = [preprocessing.tokenizer.decode(text) for text in texts]
        frame = new.with_texts(decoded, probabilities.tolist())
        return Prediction(frame, f"the texts of {frame.height:,} sequences", new.columns[1], values=decoded)

    def deployed(self, model: SavedModel) -> DeployedTranscriber:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_transcript(model.network, self.load_for_evaluation(model, path), number)

    def details(self, predictions: Transcripts, data: TranscriptData) -> list[Details]:
        tables = (edit_table(predictions), text_table(predictions, data))
        return [table for table in tables if table is not None]

    def caption(self, data: TranscriptData) -> str:
        symbols = data.tokenizer.kind
        return (
            f"* a baseline; error rate: the fewest edits that make the true texts, over all their {symbols}; "
            "exact: texts without an error"
        )

    def draw(self, comparison: Comparison[TranscriptData, Transcripts]) -> list[Plot]:
        chosen = comparison.chosen_network
        figure = draw_texts(comparison.data, chosen.predictions, chosen.name)
        return [Plot("texts", "sequences of the test set, with the probability of each symbol", figure)]


def _choose_stack_frames(data: TranscriptData, options: TranscribeOptions) -> int:
    """The number of steps to stack: as given, or as suits the data.

    Raises: `GatewiseError` if a text needs more steps than are left.
    """
    if options.front != "none" and not data.height:
        raise GatewiseError(f"--front {options.front} needs images; these are sequences of numbers")
    stack_frames = options.stack_frames or (
        max(data.height // HEIGHT_PER_FRAME, 1) if options.front == "none" else 1
    )
    while not options.stack_frames and stack_frames > 1 and _too_short(data, stack_frames, options.front):
        stack_frames -= 1
    for split, number in _too_short(data, stack_frames, options.front):
        steps = int(output_steps(split.sizes, stack_frames, options.front)[number])
        raise GatewiseError(
            f"{data.names[split.numbers[number]]} has {steps} step{'s' * (steps > 1)} left for its text "
            f"{split.texts[number]!r}, which needs {steps_needed(split.targets[number].tolist())}; "
            "give a lower --stack-frames, or omit it"
        )
    return stack_frames


def _too_short(data: TranscriptData, stack_frames: int, front: Front) -> list[tuple[TranscriptDataset, int]]:
    """The sequences that have fewer steps than their text needs, as (split, number)."""
    return [
        (split, number)
        for split in (data.train, data.validation)
        for number, steps in enumerate(output_steps(split.sizes, stack_frames, front).tolist())
        if steps_needed(split.targets[number].tolist()) > steps
    ]


TASK = Transcribe()
