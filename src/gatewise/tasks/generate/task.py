"""Text generation: language models, which continue a text symbol by symbol."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.texts import is_path, is_texts, write_texts
from gatewise.data.splits import Fractions
from gatewise.data.text.streams import TextStreams
from gatewise.data.tokenizers.streams import stream_tokenizer
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.base import Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.generate.baselines import Ngram
from gatewise.tasks.generate.data import Preprocessing, TextData, read_data, read_further_data, read_test_data
from gatewise.tasks.generate.deploy import DeployedLanguageModel, deployed
from gatewise.tasks.generate.inspect import inspect_text
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.generate.metrics import TextPredictions, least_predicted, nll_by_kind
from gatewise.tasks.generate.network import NextSymbol
from gatewise.tasks.generate.options import GenerateOptions, TextSampling
from gatewise.tasks.generate.plots import draw_text
from gatewise.tasks.generate.sampling import SamplingConfig, generate_text
from gatewise.tasks.generate.stepwise import stepwise
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

PREVIEW = 160  # characters shown after each epoch


class Generate(Task[TextData, GenerateOptions, NextSymbol, TextPredictions]):
    """Language models of text, compared with n-grams."""

    name = "generate"
    about = "Learn to continue a text, symbol by symbol."
    data_help = "a text file of any size, or a folder of them"
    options = GenerateOptions
    stream_ending = ".txt"
    accepted_data = "a text, a list of texts, or a path"
    tunable = frozenset({"steps", "steps_per_epoch"})
    sampling = TextSampling
    metrics = (
        Metric("nats", "nats/char", ".4f"),
        Metric("bits", "bits/char"),
        Metric("perplexity", "perplexity", ".2f"),
    )
    selection_metric = metrics[0]
    next_command = "gatewise sample {run}"

    def accepts(self, data: object) -> bool:
        return isinstance(data, Path | str) or is_texts(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, Path) or (isinstance(data, str) and is_path(data)):
            return Path(data), {}
        return write_texts(data, folder), {}

    def sample(self, model: SavedModel, options: TextSampling) -> Iterator[str]:
        """Continues a text, symbol by symbol."""
        assert isinstance(model.network, NextSymbol)
        tokenizer = stream_tokenizer(model.preprocessing.get("tokenizer", {}))
        generator = torch.Generator()
        generator.manual_seed(generator.seed() if options.seed is None else options.seed)
        config = SamplingConfig(options.temperature, options.top_k, options.top_p)
        symbols = generate_text(model.network, tokenizer, options.prime, config, generator)
        first = next(symbols)  # an invalid prime is rejected here, not at the first use
        return chain([options.prime, first], islice(symbols, options.length - 1))

    def read(self, path: Path, options: GenerateOptions) -> TextData:
        return read_data(path, options)

    def network(self, data: TextData, options: GenerateOptions, cell: CellType) -> LanguageModel:
        return LanguageModel(
            cell,
            symbols=len(data.tokenizer),
            hidden=options.hidden,
            layers=options.layers,
            network=options.network,
            heads=options.heads,
            embedding=options.embedding,
            dropout=options.dropout,
            dropout_mask=options.dropout_mask,
            embedding_dropout=options.embedding_dropout,
            weight_dropout=options.weight_dropout,
            tied=options.tied,
        )

    def baselines(
        self, data: TextData, options: GenerateOptions | None = None
    ) -> Mapping[str, Callable[[], Baseline]]:
        symbols = len(data.tokenizer)
        return {"unigram": partial(Ngram, symbols, 1), "n-gram": partial(Ngram, symbols)}

    def predictions(self, network: NextSymbol, data: TextData, split: TextStreams) -> TextPredictions:
        return TextPredictions(network, split)

    def score(self, predictions: TextPredictions, data: TextData) -> dict[str, float]:
        nll = predictions.nll
        return {
            "nats": nll.per_character,
            "bits": nll.per_character / math.log(2),
            "perplexity": math.exp(min(nll.per_symbol, 700)),
        }

    def preview(self, network: NextSymbol, data: TextData) -> str:
        sampled = generate_text(
            network, data.tokenizer, "", SamplingConfig(), torch.Generator().manual_seed(0)
        )
        lines = "".join(islice(sampled, PREVIEW)).splitlines()
        return "\n".join(f"  | {line}" for line in lines if line.strip())

    def preprocessing(self, data: TextData, options: GenerateOptions) -> dict[str, Any]:
        fractions = Fractions(options.validation_fraction, options.test_fraction)
        return asdict(
            Preprocessing(data.tokenizer.to_data(), options.files, fingerprint(data.path), fractions)
        )

    def load_for_evaluation(self, model: SavedModel, path: Path) -> TextData:
        """The test set of the training data, or all of other data."""
        return read_test_data(path, load_preprocessing(Preprocessing, model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: GenerateOptions) -> TextData:
        return read_further_data(path, load_preprocessing(Preprocessing, model), options)

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        raise GatewiseError(
            "a language model continues a text and predicts no table: use gatewise sample RUN"
        )

    def details(self, predictions: TextPredictions, data: TextData) -> list[Details]:
        return [nll_by_kind(predictions.passage), least_predicted(predictions)]

    def deployed(self, model: SavedModel) -> DeployedLanguageModel:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def stepwise(self, model: SavedModel) -> Stepwise:
        return stepwise(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        return inspect_text(model.network, self.load_for_evaluation(model, path), number)

    def caption(self, data: TextData) -> str:
        symbol = {"characters": "character", "bytes": "byte", "words": "word", "bpe": "byte pair"}[
            data.tokenizer.kind
        ]
        return (
            "* a baseline; nats/char: the mean -ln p of a character given all before it; bits: nats/ln 2; "
            f"perplexity: exp of the mean nats of a {symbol}"
        )

    def draw(self, comparison: Comparison[TextData, TextPredictions]) -> list[Plot]:
        about = "a passage of the test set, coloured by the NLL of each character"
        return [Plot("nll", about, draw_text(comparison))]


TASK = Generate()
