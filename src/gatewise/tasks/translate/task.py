"""The translation task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.cells.base import CellType
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.texts import is_pairs, is_texts, write_column, write_pairs
from gatewise.data.text.pairs import read_sources
from gatewise.data.text.parallel import (
    Parallel,
    ParallelData,
)
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.text import METRICS, import_sacrebleu, score
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, require_example
from gatewise.tasks.base import Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel
from gatewise.tasks.translate.baselines import CopySource, IBMModel1, MostFrequent, TranslationBaseline
from gatewise.tasks.translate.data import Preprocessing, read_data, read_test_data
from gatewise.tasks.translate.deploy import DeployedTranslator, deployed
from gatewise.tasks.translate.inspect import translate_example
from gatewise.tasks.translate.metrics import (
    Translations,
    examples,
    references,
    scores_by_length,
    translate_split,
    translate_texts,
)
from gatewise.tasks.translate.network import EncoderDecoder, Translator
from gatewise.tasks.translate.options import TranslateOptions
from gatewise.tasks.translate.plots import draw_attention

ATTENTION_MAPS = 4
PREVIEW = 200  # characters


class Translate(Task[ParallelData, TranslateOptions, Translator, Translations]):
    """Translation, compared with IBM Model 1."""

    name = "translate"
    about = "Learn to translate from pairs of texts."
    data_help = "a CSV, TSV or Parquet file of pairs, or a text file of sources"
    options = TranslateOptions
    stream_ending = ".tsv"
    metrics = METRICS
    selection_metric = METRICS[0]
    tunable = frozenset({"target_file", "validation_file", "test_file"})
    next_command = "gatewise predict {run} {data} --out translations.txt"

    def check(self, options: TranslateOptions, cell: CellType) -> None:
        super().check(options, cell)
        import_sacrebleu()
        if options.reverse_source and options.bidirectional:
            raise GatewiseError(
                "the encoder is already bidirectional: give --reverse-source with --no-bidirectional"
            )

    def accepts(self, data: object) -> bool:
        return super().accepts(data) or is_texts(data) or is_pairs(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if is_pairs(data):
            return write_pairs(data, folder), {"source": "source", "target": "target"}
        if is_texts(data) and not isinstance(data, str):
            return write_column(data, folder, "source"), {}
        return super().write(data, y, folder, layout)

    def read(self, path: Path, options: TranslateOptions) -> ParallelData:
        return read_data(path, options)

    def network(self, data: ParallelData, options: TranslateOptions, cell: CellType) -> EncoderDecoder:
        sources, targets = data.train.sources.lengths, data.train.targets.lengths
        total_pairs = options.epochs * options.passes_per_epoch(len(data.train)) * len(data.train)
        return EncoderDecoder(
            cell,
            sources=len(data.source),
            targets=len(data.target),
            embedding=options.embedding,
            hidden=options.hidden,
            layers=options.layers,
            heads=options.heads,
            dropout=options.dropout,
            attention=options.attention,
            bidirectional=options.bidirectional,
            reverse=options.reverse_source,
            smoothing=options.label_smoothing,
            forcing=options.teacher_forcing,
            forcing_pairs=total_pairs,
            beam=options.beam,
            penalty=options.length_penalty,
            ratio=float((targets / sources).max()),
        )

    def baselines(
        self, data: ParallelData, options: TranslateOptions | None = None
    ) -> Mapping[str, Callable[[], TranslationBaseline]]:
        sizes = len(data.source), len(data.target)
        target_numbers = data.target.numbers(map(data.source.name, range(sizes[0])))
        return {
            "copy": partial(CopySource, *sizes, target_numbers),
            "most-frequent": partial(MostFrequent, *sizes),
            "ibm-model-1": partial(IBMModel1, *sizes),
        }

    def predictions(self, network: Translator, data: ParallelData, split: Parallel) -> Translations:
        return Translations(network, split, translate_split(network, split, data), references(split, data))

    def score(self, predictions: Translations, data: ParallelData) -> dict[str, float]:
        return score(predictions.texts, predictions.references)

    def preview(self, network: Translator, data: ParallelData) -> str:
        source, _ = data.validation.text(0)
        translated = translate_texts(network, [source], data.source, data.target)[0].text
        return f"{source[:PREVIEW]}\n→ {translated[:PREVIEW]}"

    def preprocessing(self, data: ParallelData, options: TranslateOptions) -> dict[str, Any]:
        return asdict(Preprocessing.of(data, options))

    def load_for_evaluation(self, model: SavedModel, path: Path) -> ParallelData:
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: TranslateOptions) -> ParallelData:
        return read_data(path, options, load_preprocessing(Preprocessing, model))

    def evaluation_baselines(self, data: ParallelData) -> Mapping[str, Callable[[], TranslationBaseline]]:
        return {"copy": self.baselines(data)["copy"]}

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Translates each line of a text, or each cell of a column."""
        preprocessing = load_preprocessing(Preprocessing, model)
        names = preprocessing.columns or ("source", "target")
        sources, column, notes = read_sources(path, names[0], preprocessing.dialect)
        assert isinstance(model.network, Translator)
        texts = [sources[row] for row in range(len(sources))]
        translated = [
            translation.text
            for translation in translate_texts(model.network, texts, *preprocessing.symbols())
        ]
        name = names[1] if names[1] != column else "translation"
        frame = pl.DataFrame({column or names[0]: texts, name: translated})
        empty = sum(not text.strip() for text in texts)
        blank = "1 source is empty, and so is its translation"
        blank = blank if empty == 1 else f"{empty} sources are empty, and so are their translations"
        about = f"{len(translated)} translations"
        about += f" of column {column!r}" if column not in (None, names[0]) else ""
        about += f"; {blank}" if empty else ""
        return Prediction(frame, about, text_column=name, warnings=notes, values=translated)

    def deployed(self, model: SavedModel) -> DeployedTranslator:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """A pair of the test set with its translation."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test), "pairs in the test set")
        assert isinstance(model.network, EncoderDecoder)
        return translate_example(model.network, data, number)

    def details(self, predictions: Translations, data: ParallelData) -> list[Details]:
        return [scores_by_length(predictions), examples(predictions)]

    def caption(self, data: ParallelData) -> str:
        return (
            "* a baseline; BLEU and chrF: by sacrebleu, up to 100; "
            "exact: translations that equal the reference"
        )

    def draw(self, comparison: Comparison[ParallelData, Translations]) -> list[Plot]:
        result, data = comparison.chosen_network, comparison.data
        rows = [row for row in range(len(data.test)) if 4 <= data.test.sources.lengths[row] <= 16]
        translations = [
            result.predictions.values[row] for row in (rows or range(len(data.test)))[:ATTENTION_MAPS]
        ]
        if any(translation.attention is None for translation in translations):
            return []
        figure = draw_attention(translations, data.source, data.target, result.name)
        return [Plot("attention", "attention maps of some pairs of the test set", figure)]


TASK = Translate()
