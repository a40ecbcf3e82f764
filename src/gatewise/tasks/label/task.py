"""Labelling: a label for each step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import is_decaying
from gatewise.data.fingerprint import fingerprint
from gatewise.data.labels.labelled import LabelledSteps, Steps
from gatewise.data.labels.labelled_table import TablePreprocessing
from gatewise.data.labels.labelled_text import TextPreprocessing, WordTablePreprocessing
from gatewise.data.memory.arrays import Layout, is_arrays, write_sequences
from gatewise.data.memory.texts import is_tokens, write_tagged
from gatewise.data.sequences.gaps import GapKind
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline
from gatewise.plots.confusion import draw_confusion
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.base import Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.label.baselines import ChannelWindow, MajorityLabel, TokenWindow
from gatewise.tasks.label.data import Preprocessing, read_data, read_test_data
from gatewise.tasks.label.deploy import DeployedLabeller, deployed
from gatewise.tasks.label.inspect import inspect_sequence
from gatewise.tasks.label.metrics import (
    LabelPredictions,
    confusion,
    label_table,
    mistake_table,
    predict_labels,
    score,
    span_table,
)
from gatewise.tasks.label.network import Labeller, LabelNetwork
from gatewise.tasks.label.options import LabelOptions
from gatewise.tasks.label.plots import draw_steps
from gatewise.tasks.label.stepwise import stepwise
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel


class Label(Task[LabelledSteps, LabelOptions, Labeller, LabelPredictions]):
    """Labels steps; compared with the most frequent label of each token and a linear model of a window."""

    name = "label"
    about = "Predict a label for each step of a sequence."
    data_help = (
        "a text with a token and its label in each line, or a CSV or Parquet file with a row for each step"
    )
    options = LabelOptions
    stream_ending = ".txt"
    metrics = (
        Metric("accuracy", "accuracy", ".2%", higher_is_better=True),
        Metric("macro_f1", "macro F1", ".1%", higher_is_better=True),
        Metric("span_f1", "span F1", ".1%", higher_is_better=True),
        Metric("exact", "exact", ".1%", higher_is_better=True),
    )
    selection_metric = metrics[0]
    next_command = "gatewise predict {run} {data} --out labels.csv"

    def accepts(self, data: object) -> bool:
        return super().accepts(data) or is_arrays(data) or is_tokens(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if is_tokens(data):
            return write_tagged(data, y, folder), {}
        if not is_arrays(data):
            return super().write(data, y, folder, layout)
        return write_sequences(data, y, folder, layout, each_step=True)

    def check(self, options: LabelOptions, cell: CellType) -> None:
        if options.head == "ctc":
            raise GatewiseError("the head ctc is a task of its own; give gatewise train transcribe")
        super().check(options, cell)

    def read(self, path: Path, options: LabelOptions) -> LabelledSteps:
        return read_data(path, options)

    def network(self, data: LabelledSteps, options: LabelOptions, cell: CellType) -> LabelNetwork:
        preprocessing, words, letters, channels = data.preprocessing, 0, 0, 0
        gaps: GapKind = "none"
        if isinstance(preprocessing, TextPreprocessing):
            words, letters = len(preprocessing.tokenizer.words), len(preprocessing.tokenizer.letters)
        elif isinstance(preprocessing, TablePreprocessing):
            channels = len(preprocessing.scales)
            gaps = preprocessing.gaps
        return LabelNetwork(
            labels=len(data.labels),
            cell=cell,
            words=words,
            letters=letters,
            channels=channels,
            hidden=options.hidden,
            layers=options.layers,
            heads=options.heads,
            bidirectional=options.bidirectional,
            embedding=options.embedding,
            char_hidden=options.char_hidden,
            dropout=options.dropout,
            word_dropout=options.word_dropout,
            gaps=gaps,
            decay=is_decaying(cell),
        )

    def baselines(
        self, data: LabelledSteps, options: LabelOptions | None = None
    ) -> Mapping[str, Callable[[], Baseline]]:
        count = len(data.labels)
        if isinstance(data.preprocessing, TextPreprocessing):
            return {"majority": partial(MajorityLabel, count), "window": partial(TokenWindow, count)}
        assert isinstance(data.preprocessing, TablePreprocessing)
        channels = len(data.preprocessing.scales)
        return {"majority": partial(MajorityLabel, count), "window": partial(ChannelWindow, count, channels)}

    def predictions(self, network: Labeller, data: LabelledSteps, split: Steps) -> LabelPredictions:
        return predict_labels(network, split)

    def score(self, predictions: LabelPredictions, data: LabelledSteps) -> dict[str, float]:
        return score(predictions, data)

    def preprocessing(self, data: LabelledSteps, options: LabelOptions) -> dict[str, Any]:
        return {"form": asdict(data.preprocessing), "source": data.source}

    def load_for_evaluation(self, model: SavedModel, path: Path) -> LabelledSteps:
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: LabelOptions) -> LabelledSteps:
        """The data, split and encoded as those the model was trained on; an unknown label is refused."""
        data = load_preprocessing(Preprocessing, model).form.read(path, trained=True)
        return replace(data, source=fingerprint(path))

    def evaluation_baselines(self, data: LabelledSteps) -> Mapping[str, Callable[[], Baseline]]:
        return {} if not len(data.train) else self.baselines(data)

    def predicts_tables(self, model: SavedModel) -> bool:
        form = load_preprocessing(Preprocessing, model).form
        return isinstance(form, TablePreprocessing | WordTablePreprocessing)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The lines or rows of the data, each with its predicted label."""
        preprocessing, network = load_preprocessing(Preprocessing, model).form, model.network
        assert isinstance(network, Labeller)
        new = preprocessing.read_unlabelled(path)
        predictions = predict_labels(network, new.steps)
        labels = [preprocessing.labels[number] for number in np.concatenate(predictions.labels)]
        frame = new.with_labels(labels, np.concatenate(predictions.probabilities).tolist())
        about = f"the labels of {frame.height:,} steps"
        return Prediction(frame, about, new.text_column, values=new.by_sequence(frame))

    def deployed(self, model: SavedModel) -> DeployedLabeller:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_sequence(model.network, self.load_for_evaluation(model, path), number)

    def details(self, predictions: LabelPredictions, data: LabelledSteps) -> list[Details]:
        tables = (
            label_table(predictions, data),
            span_table(predictions, data),
            mistake_table(predictions, data),
        )
        return [table for table in tables if table is not None]

    def caption(self, data: LabelledSteps) -> str:
        spans = "as conlleval counts them" if data.has_span_tags else "each a run of equal labels"
        return (
            "* a baseline; macro F1: the mean over the labels; "
            f"span F1: of whole spans, {spans}; exact: sequences without a wrong label"
        )

    def draw(self, comparison: Comparison[LabelledSteps, LabelPredictions]) -> list[Plot]:
        chosen, data = comparison.chosen_network, comparison.data
        labels = chosen.predictions.labels
        matrix = confusion(data.truth(data.test), labels, len(data.labels))
        return [
            Plot(
                "confusion",
                f"the confusion matrix of {chosen.name} on the test set",
                draw_confusion(matrix, data.labels, chosen.name),
            ),
            Plot(
                "labels",
                "sequences of the test set with their predicted and true labels",
                draw_steps(data, labels, chosen.name),
            ),
        ]


TASK = Label()
