"""The translation task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.texts import is_pairs, is_texts, write_column, write_pairs
from gatewise.data.text.pairs import TextPairs, is_table, read_pairs, read_sources
from gatewise.data.text.parallel import (
    Parallel,
    ParallelData,
    VocabularyConfig,
    numbered,
    prepare,
    shares_of,
    split,
    with_text,
)
from gatewise.data.text.symbols import Symbols
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.text import METRICS, by_length, require_sacrebleu, score
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, require_example
from gatewise.tasks.base import Prediction, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import Count, Depth, Fraction, Options, Rate, Size, StackOptions, TaskOptions
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel
from gatewise.tasks.translate.baselines import CopySource, IBMModel1, MostFrequent, TranslationBaseline
from gatewise.tasks.translate.inspect import translate_example
from gatewise.tasks.translate.metrics import references, translate_split, translate_texts
from gatewise.tasks.translate.network import EncoderDecoder, Translator
from gatewise.tasks.translate.plots import draw_attention

EXAMPLES, ATTENTION_MAPS = 5, 4
PREVIEW = 200  # characters


class TranslateDataOptions(Options):
    """The pairs"""

    target_file: str | None = Field(
        None, description="The file of targets, line by line, if DATA is a text file of sources."
    )
    source: str | None = Field(
        None, description="The column of sources; by default the one of that name, or the first."
    )
    target: str | None = Field(
        None, description="The column of targets; by default the one of that name, or the second."
    )
    validation_file: tuple[str, ...] = Field(
        (), description="Pairs of the validation set: a table, or two text files with a comma."
    )
    test_file: tuple[str, ...] = Field((), description="Pairs of the test set, likewise.")
    validation_fraction: Fraction = Field(
        0.1, description="Fraction for validation, without a file; at most 5000 pairs."
    )
    test_fraction: Fraction = Field(0.1, description="Fraction for the test set, likewise.")
    tokenizer: Literal["words", "characters", "bpe"] = Field("words", description="The symbols of a text.")
    vocabulary: Count = Field(8000, description="The maximum number of symbols of each side.")
    min_count: Count = Field(2, description="Occurrences in the training set below which a word is unknown.")
    lowercase: bool = Field(False, description="Convert texts to lower case, references too.")
    max_length: Count = Field(
        200, description="The maximum number of symbols of a side; longer pairs are left out of training."
    )

    @field_validator("target_file", "validation_file", "test_file", mode="after")
    @classmethod
    def _from_anywhere(cls, value: Any) -> Any:
        """A run can be resumed from another folder."""
        if isinstance(value, tuple):
            return tuple(str(Path(one).resolve()) for one in value)
        return None if value is None else str(Path(value).resolve())


class TranslateNetworkOptions(StackOptions):
    """The network"""

    hidden: Size = Field(
        512, description="Hidden units of a layer; each direction of a bidirectional encoder has half."
    )
    dropout: Rate = Field(0.3, description="Of embeddings, between layers, and before the softmax.")
    embedding: Size = Field(256, description="Size of a symbol's vector.")
    attention: Literal["luong", "bahdanau", "none"] = Field(
        "luong", description="Attention over the source: luong is faster."
    )
    bidirectional: bool = Field(True, description="Use a bidirectional encoder.")
    reverse_source: bool = Field(
        False, description="Encode the source from its end, with a unidirectional encoder."
    )
    beam: Depth = Field(5, description="Hypotheses of the beam search.")
    length_penalty: float = Field(
        1.0, ge=0, description="Of the beam search: 0 prefers short outputs, 1 and above long ones."
    )


class TranslateOptions(TaskOptions, TranslateNetworkOptions, TranslateDataOptions):
    """The training"""

    epochs: Count = Field(20, description="The maximum number of epochs.")
    patience: Count = Field(4, description="Epochs without a better validation score before training stops.")
    schedule: Literal["plateau", "cosine"] = Field(
        "cosine", description="Lower the learning rate when the validation score stalls, or by a cosine."
    )
    label_smoothing: Rate = Field(0.1, description="Probability mass that is spread over all symbols.")
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Final fraction of true symbols among the decoder inputs; falls linearly from 1.",
    )


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads texts.

    source, target: the vocabularies
    columns: of sources and targets in a table
    trained_on: the fingerprint of the training data
    target_file: of the training data
    shares: the fractions for validation and test
    """

    source: dict[str, Any]
    target: dict[str, Any]
    columns: tuple[str, str] | None
    trained_on: str
    target_file: str | None
    shares: tuple[float, float]

    def symbols(self) -> tuple[Symbols, Symbols]:
        return Symbols.from_data(self.source), Symbols.from_data(self.target)

    def pairs(self, path: Path, trained: bool) -> TextPairs:
        """Reads the pairs of a file; trained: whether it is the training data."""
        if is_table(path):
            return read_pairs(path, None, *(self.columns or (None, None)))
        if trained:
            return read_pairs(path, self.target_file)
        halves = str(path).split(",")
        if len(halves) != 2:
            raise GatewiseError(
                f"{path} is no table by its name; of a text give the translations too: {path},TRANSLATIONS"
            )
        return read_pairs(*halves)


class Translate(Task[ParallelData]):
    """Translation, compared with IBM Model 1."""

    name = "translate"
    about = "Learn to translate from pairs of texts."
    given = "a CSV, TSV or Parquet file of pairs, or a text file of sources"
    options = TranslateOptions
    metrics = METRICS
    chosen_by = METRICS[0]
    next_step = "gatewise predict {run} {data} --out translations.txt"

    def check(self, options: TranslateOptions, cell: CellType) -> None:
        super().check(options, cell)
        require_sacrebleu()
        if options.reverse_source and options.bidirectional:
            raise GatewiseError(
                "the encoder reads both ways already: give --reverse-source with --no-bidirectional"
            )

    def accepts(self, data: Any) -> bool:
        return super().accepts(data) or is_texts(data) or is_pairs(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if is_pairs(data):
            return write_pairs(data, folder), {"source": "source", "target": "target"}
        if is_texts(data) and not isinstance(data, str):
            return write_column(data, folder, "source"), {}
        return super().write(data, y, folder, layout)

    def read(self, path: Path, options: TranslateOptions) -> ParallelData:
        pairs = read_pairs(path, options.target_file, options.source, options.target)
        others = [_others(one, pairs) for one in (options.validation_file, options.test_file)]
        wanted = VocabularyConfig(
            options.tokenizer, options.vocabulary, options.min_count, options.max_length, options.lowercase
        )
        return prepare(pairs, wanted, (options.validation_fraction, options.test_fraction), *others)

    def network(self, data: ParallelData, options: TranslateOptions, cell: CellType) -> EncoderDecoder:
        sources, targets = data.train.sources.lengths, data.train.targets.lengths
        seen = options.epochs * options.passes_over(len(data.train)) * len(data.train)
        return EncoderDecoder(
            cell,
            sources=len(data.source),
            targets=len(data.target),
            embedding=options.embedding,
            hidden=options.hidden,
            layers=options.layers,
            dropout=options.dropout,
            attention=options.attention,
            bidirectional=options.bidirectional,
            reverse=options.reverse_source,
            smoothing=options.label_smoothing,
            forcing=options.teacher_forcing,
            forcing_pairs=seen,
            beam=options.beam,
            penalty=options.length_penalty,
            ratio=float((targets / sources).max()),
        )

    def baselines(
        self, data: ParallelData, options: TranslateOptions | None = None
    ) -> Mapping[str, Callable[[], TranslationBaseline]]:
        sizes = len(data.source), len(data.target)
        same = data.target.numbers(map(data.source.name, range(sizes[0])))
        return {
            "copy": partial(CopySource, *sizes, same),
            "most-frequent": partial(MostFrequent, *sizes),
            "ibm-model-1": partial(IBMModel1, *sizes),
        }

    def score(self, predictions: Predictions[Translator, Parallel], data: ParallelData) -> dict[str, float]:
        network, part = predictions.network, predictions.split
        translated = translate_split(network, part, data)
        return score([one.text for one in translated], references(part, data))

    def preview(self, network: Translator, data: ParallelData) -> str:
        source, _ = data.validation.text(0)
        translated = translate_texts(network, [source], data.source, data.target)[0].text
        return f"{source[:PREVIEW]}\n→ {translated[:PREVIEW]}"

    def preprocessing(self, data: ParallelData, options: TranslateOptions) -> dict[str, Any]:
        texts = data.train.texts
        others = [None if one.texts is texts else one.texts for one in (data.validation, data.test)]
        shares = shares_of((options.validation_fraction, options.test_fraction), *others)
        trained_on, symbols = fingerprint(Path(texts.path)), (data.source.to_data(), data.target.to_data())
        return asdict(Preprocessing(*symbols, texts.columns, trained_on, options.target_file, shares))

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ParallelData:
        """The test set of the training data, or all of other data."""
        reading = load_preprocessing(Preprocessing, model)
        trained = path.is_file() and fingerprint(path) == reading.trained_on
        notes: list[str] = []
        pairs = reading.pairs(path, trained)
        if trained and not reading.shares[1]:
            raise GatewiseError(f"the model was trained on all of {path}; give pairs that it has not seen")
        rows = with_text(pairs, notes)
        rows = split(pairs, rows, reading.shares)[2] if trained else rows
        symbols = reading.symbols()
        test, none = numbered(pairs, rows, *symbols), numbered(pairs, rows[:0], *symbols)
        notes.append(f"{len(test):,} pairs to test" + (", which the model has not seen" if trained else ""))
        return ParallelData(none, test, test, *symbols, tuple(notes))

    def evaluation_baselines(self, data: ParallelData) -> Mapping[str, Callable[[], TranslationBaseline]]:
        return {"copy": self.baselines(data)["copy"]}

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Translates each line of a text, or each cell of a column."""
        reading = load_preprocessing(Preprocessing, model)
        names = reading.columns or ("source", "target")
        sources, column = read_sources(path, names[0])
        assert isinstance(model.network, Translator)
        texts = [sources[row] for row in range(len(sources))]
        translated = [one.text for one in translate_texts(model.network, texts, *reading.symbols())]
        name = names[1] if names[1] != column else "translation"
        frame = pl.DataFrame({column or names[0]: texts, name: translated})
        empty = sum(not one.strip() for one in texts)
        blank = "1 source is empty, and so is its translation"
        blank = blank if empty == 1 else f"{empty} sources are empty, and so are their translations"
        about = f"{len(translated)} translations"
        about += f" of column {column!r}" if column not in (None, names[0]) else ""
        about += f"; {blank}" if empty else ""
        return Prediction(frame, about, lines=name)

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A pair of the test set with its translation."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test), "pairs in the test set")
        assert isinstance(model.network, EncoderDecoder)
        return translate_example(model.network, data, number)

    def details(self, predictions: Predictions[Translator, Parallel], data: ParallelData) -> list[Details]:
        network = predictions.network
        translated = [one.text for one in translate_split(network, data.test, data)]
        truth = references(data.test, data)
        return [_by_length(translated, truth, data.test), _examples(translated, truth, data.test)]

    def caption(self, data: ParallelData) -> str:
        return (
            "* a baseline; BLEU and chrF: by sacrebleu, up to 100; "
            "exact: translations that equal the reference"
        )

    def draw(self, comparison: Comparison[ParallelData]) -> list[Plot]:
        result, data = comparison.chosen(baseline=False), comparison.data
        assert result is not None
        rows = [row for row in range(len(data.test)) if 4 <= data.test.sources.lengths[row] <= 16]
        texts = [data.test.text(row)[0] for row in (rows or range(len(data.test)))[:ATTENTION_MAPS]]
        translated = translate_texts(result.network, texts, data.source, data.target)  # type: ignore[arg-type]
        if any(one.attention is None for one in translated):
            return []
        figure = draw_attention(translated, data.source, data.target, result.name)
        return [Plot("attention", "attention maps of some pairs of the test set", figure)]


def _others(files: tuple[str, ...], pairs: TextPairs) -> TextPairs | None:
    """The pairs of other files, in columns of the same names."""
    if len(files) > 2:
        raise GatewiseError(f"expected a table, or two texts with a comma, got {','.join(files)}")
    if len(files) == 2:
        return read_pairs(*files)
    return read_pairs(files[0], None, *(pairs.columns or (None, None))) if files else None


def _examples(translated: list[str], truth: list[str], part: Parallel) -> Details:
    rows: list[tuple[str, ...]] = []
    for row in range(min(EXAMPLES, len(translated))):
        rows += [
            ("source", part.text(row)[0]),
            ("true", truth[row]),
            ("predicted", translated[row]),
            ("", ""),
        ]
    return Details("pairs of the test set", ("", ""), tuple(rows[:-1]))


def _by_length(translated: list[str], truth: list[str], part: Parallel) -> Details:
    """Scores of short and long sources."""

    def scored(chosen: list[int]) -> dict[str, float]:
        return score([translated[row] for row in chosen], [truth[row] for row in chosen])

    return by_length(part.sources.lengths - 1, scored, "by the number of source symbols", "pairs")


TASK = Translate()
