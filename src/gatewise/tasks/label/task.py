"""Labelling: a label for each step of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.labels.labelled import LabelledSteps
from gatewise.data.labels.labelled_table import TableForm, read_labelled_table
from gatewise.data.labels.labelled_text import TextForm, read_labelled_text
from gatewise.data.labels.part_files import part_files, told_others
from gatewise.data.labels.token_steps import NONE
from gatewise.data.memory.arrays import Layout, is_arrays, write_sequences
from gatewise.data.memory.texts import is_tokens, write_tagged
from gatewise.data.sequences.long_table import LongColumns
from gatewise.errors import GatewiseError
from gatewise.metrics.counts import exact_match, mean_f1, total_f1
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline
from gatewise.plots.confusion import draw_confusion
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, Track, channels, require_example
from gatewise.tasks.base import Prediction, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.label.baselines import ChannelWindow, MajorityLabel, TokenWindow
from gatewise.tasks.label.inspect import explain_label
from gatewise.tasks.label.metrics import accuracy, by_label, by_span, confusion, find_labels
from gatewise.tasks.label.network import Labeller, LabelNetwork
from gatewise.tasks.label.plots import draw_steps
from gatewise.tasks.label.tables import label_table, mistake_table, span_table
from gatewise.tasks.options import (
    Count,
    CountOrFound,
    Fraction,
    Options,
    Rate,
    Size,
    StackOptions,
    TaskOptions,
)
from gatewise.tasks.preprocessing import read_as
from gatewise.tasks.serialization import SavedModel

TABLES = (".csv", ".parquet", ".pq")  # by their names; all else is text


class LabelDataOptions(Options):
    """The data"""

    head: Literal["steps", "ctc"] = Field(
        "steps",
        description="A label for each step; ctc: a text for each sequence, as the task transcribe.",
    )
    token: Count = Field(1, description="Of a text: the column of tokens, by its number.")
    label: str | None = Field(
        None, description="The column of labels; of a text by its number, the last if not given."
    )
    id: str | None = Field(None, description="Of a table: the column that tells sequences apart.")
    time: str | None = Field(None, description="Of a table: the column by which steps are in order.")
    channels: tuple[str, ...] = Field((), description="Of a table: the columns of values; else all others.")
    fill: Literal["forward"] | None = Field(None, description="How to fill empty cells, if at all.")
    cut: CountOrFound = Field(0, description="Longer sequences are cut to so many steps; 0 finds a number.")
    validation_fraction: Fraction = Field(0.15, description="The part to choose by, where no file is.")
    test_fraction: Fraction = Field(0.15, description="The part to test on, where no file is.")


class LabelNetworkOptions(StackOptions):
    """The network"""

    dropout: Rate = Field(0.1, description="Before and behind the layers, and between them.")
    bidirectional: bool = Field(True, description="Read from both ends.")
    embedding: Size = Field(64, description="Of a text: numbers that stand for a word.")
    spelling: Size = Field(24, description="Of a text: units of each direction that read a word's letters.")
    forget_words: Rate = Field(0.1, description="Of a text: the words that training takes for unknown.")


class LabelOptions(TaskOptions, LabelNetworkOptions, LabelDataOptions):
    """The training"""

    learning_rate: float = Field(3e-3, gt=0, description="Of AdamW.")


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads data; `source` tells those that it was trained on."""

    form: TextForm | TableForm
    source: str


class Label(Task[LabelledSteps]):
    """Labels steps, beside each token's usual label and a linear model of a window."""

    name = "label"
    about = "Give each step of a sequence a label."
    given = (
        "a text with a token and its label in each line, or a CSV or Parquet file with a row for each step"
    )
    options = LabelOptions
    metrics = (
        Metric("accuracy", "accuracy", ".2%", higher=True),
        Metric("macro_f1", "macro F1", ".1%", higher=True),
        Metric("span_f1", "span F1", ".1%", higher=True),
        Metric("exact", "exact", ".1%", higher=True),
    )
    chosen_by = metrics[0]
    next_step = "gatewise predict {run} {data} --out labels.csv"

    def accepts(self, data: Any) -> bool:
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
        shares = (options.validation_fraction, options.test_fraction)
        if part_files(path)["train"].suffix.lower() in TABLES:
            columns = LongColumns(options.id, options.time, options.label, options.channels)
            data = read_labelled_table(path, columns, options.fill, options.cut, *shares)
        else:
            data = read_labelled_text(path, options.token, _column(options.label), options.cut, *shares)
        return replace(data, source=fingerprint(path), notes=(*told_others(path), *data.notes))

    def network(self, data: LabelledSteps, options: LabelOptions, cell: CellType) -> LabelNetwork:
        form, words, letters, channels = data.form, 0, 0, 0
        if isinstance(form, TextForm):
            words, letters = len(form.vocabulary.words), len(form.vocabulary.letters)
        else:
            channels = len(form.scales)
        return LabelNetwork(
            len(data.labels), cell, words, letters, channels, options.hidden, options.layers,
            options.bidirectional, options.embedding, options.spelling, options.dropout, options.forget_words,
        )  # fmt: skip

    def baselines(
        self, data: LabelledSteps, options: LabelOptions | None = None
    ) -> Mapping[str, Callable[[], Baseline]]:
        count = len(data.labels)
        if isinstance(data.form, TextForm):
            return {"majority": partial(MajorityLabel, count), "window": partial(TokenWindow, count)}
        channels = len(data.form.scales)
        return {"majority": partial(MajorityLabel, count), "window": partial(ChannelWindow, count, channels)}

    def score(self, network: Labeller, data: LabelledSteps, part: Any) -> dict[str, float]:
        truth, (found, _) = data.truth(part), find_labels(network, part)
        names, told = data.named(truth), data.named(found)
        return {
            "accuracy": accuracy(truth, found),
            "macro_f1": mean_f1(by_label(confusion(truth, found, len(data.labels)))),
            "span_f1": total_f1(by_span(names, told, data.marked).values()),
            "exact": exact_match(names, told),
        }

    def reading(self, data: LabelledSteps, options: LabelOptions) -> dict[str, Any]:
        return asdict(Preprocessing(data.form, data.source))

    def load_for_evaluation(self, model: SavedModel, path: Path) -> LabelledSteps:
        """The test part of the data that the model was trained on, or all of other data."""
        reading = read_as(Preprocessing, model)
        return reading.form.again(path, same=fingerprint(path) == reading.source)

    def evaluation_baselines(self, data: LabelledSteps) -> Mapping[str, Callable[[], Baseline]]:
        return {} if data.train is None else self.baselines(data)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """The lines or rows of the data, each with the label that the model gives it."""
        form, network = read_as(Preprocessing, model).form, model.network
        assert isinstance(network, Labeller)
        new = form.new(path)
        labels, chances = (np.concatenate(one) for one in find_labels(network, new.steps))
        frame = new.told([form.labels[one] for one in labels], chances.tolist())
        return Prediction(frame, f"the labels of {frame.height:,} steps", new.lines)

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A sequence of the test part, with its labels, told and true."""
        data, network = self.load_for_evaluation(model, path), model.network
        require_example(number, len(data.test), "sequences in the test part")
        batch, place = data.test.__getitems__([number]), data.test.places(number)
        assert isinstance(network, Labeller)
        with torch.inference_mode():
            told = network(batch)[0].argmax(-1).numpy()
        true = data.test.labels[place]
        names = [tuple(data.labels[one] for one in labels.tolist()) for labels in (told, true)]
        given: tuple[Track, ...]
        if isinstance(data.form, TextForm):
            given = (Track("token", symbols=tuple(data.test.tokens[place]), layer="recurrent"),)
        else:
            given = channels(data.form.columns.channels, data.test.values[place])
        tracks = (*given, *(_track(name, one) for name, one in zip(("told", "true"), names, strict=True)))
        last = batch.labels.clone()
        last[:, :-1] = NONE
        right = f"{(told == true).sum()} of {len(true)} labels are right"
        where = f"sequence {number} of the test part, from {data.test.place(place.start)} on"
        return Example(
            batch, where, tracks, right, last=partial(network.loss, batch._replace(labels=last)),
            attribute=partial(explain_label, network, batch, data.labels, given),
        )  # fmt: skip

    def details(self, network: Labeller, data: LabelledSteps) -> list[Details]:
        found, _ = find_labels(network, data.test)
        tables = (label_table(data, found), span_table(data, found), mistake_table(data, found))
        return [one for one in tables if one is not None]

    def caption(self, data: LabelledSteps) -> str:
        spans = "as conlleval counts them" if data.marked else "each a run of equal labels"
        return (
            "* a baseline; macro F1: the mean over the labels; "
            f"span F1: of whole spans, {spans}; exact: sequences without a wrong label"
        )

    def draw(self, comparison: Comparison[LabelledSteps]) -> list[Plot]:
        chosen, data = comparison.chosen(baseline=False), comparison.data
        assert chosen is not None
        assert isinstance(chosen.network, Labeller)
        found, _ = find_labels(chosen.network, data.test)
        matrix = confusion(data.truth(data.test), found, len(data.labels))
        taken = f"what {chosen.name} took each label of the test part for"
        shown = "sequences of the test part with their labels, told and true"
        return [
            Plot("confusion", taken, draw_confusion(matrix, data.labels, chosen.name)),
            Plot("labels", shown, draw_steps(data, found, chosen.name)),
        ]


def _track(name: str, labels: tuple[str, ...]) -> Track:
    return Track(name, symbols=labels, layer="recurrent")


def _column(label: str | None) -> int:
    """The column of labels in a text; 0 is the last. Errors: `GatewiseError`."""
    if label is None:
        return 0
    if not label.isdecimal() or int(label) == 0:
        raise GatewiseError(f"the columns of a text have numbers from 1 on; got --label {label}")
    return int(label)


TASK = Label()
