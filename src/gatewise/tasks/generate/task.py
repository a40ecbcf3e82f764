"""Text generation: language models, which continue a text symbol by symbol."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.texts import is_path, is_texts, write_texts
from gatewise.data.text.alphabet import Alphabet, alphabet_from
from gatewise.data.text.streams import TextBatch, TextStreams
from gatewise.data.text.text import Split, SplitText, VocabularyConfig, find_texts, read_text, read_whole
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline
from gatewise.plots.plot import Plot
from gatewise.processes import is_first
from gatewise.report.example import Example, Line, Track, require_example
from gatewise.tasks.base import Prediction, Task
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.generate.baselines import Ngram
from gatewise.tasks.generate.inspect import explain_generate
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.generate.network import NextSymbol, symbol_nll, text_nll
from gatewise.tasks.generate.plots import draw_text
from gatewise.tasks.generate.sampling import SamplingConfig, generate_text
from gatewise.tasks.generate.tables import least_predicted, nll_by_kind, read_passage
from gatewise.tasks.options import Count, CountOrFound, Depth, Fraction, Options, Rate, Size, TaskOptions
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

PREVIEW = 160  # characters shown after each epoch
PROGRESS_INTERVAL = 3.0  # seconds between two reports of the progress of reading
RESET_FRACTION = 0.03  # of the streams, reset before a chunk so that networks learn to begin a text
EXAMPLE_SIZE = 160  # symbols
SCORED_STEPS = 128  # steps of a chunk in evaluation


class TextOptions(Options):
    """The text"""

    tokenizer: Literal["characters", "bytes", "bpe"] = Field(
        "characters", description="The symbols of the text."
    )
    vocabulary: CountOrFound = Field(
        0, description="The maximum number of symbols; 0 for all characters, or for 2000 byte pairs."
    )
    files: str = Field("*.txt", min_length=1, description="Which files of a folder, as a pattern.")
    validation_fraction: Fraction = Field(
        0.05, description="Fraction of the text before the test set, for validation."
    )
    test_fraction: Fraction = Field(0.1, description="Fraction at the end of the text, for the test set.")
    steps: Count = Field(128, description="Steps of truncated backpropagation through time.")
    steps_per_epoch: CountOrFound = Field(
        0,
        description="The maximum number of steps in an epoch; the next one continues there. 0 for all.",
    )


class LanguageOptions(Options):
    """The network"""

    hidden: Size = Field(512, description="Hidden units of a layer.")
    layers: Depth = Field(1, description="Stacked layers.")
    embedding: Size = Field(128, description="Size of a symbol's vector.")
    dropout: Rate = Field(0.3, description="Of the embedding, between layers, and before the softmax.")


class GenerateOptions(TaskOptions, LanguageOptions, TextOptions):
    """The training"""

    epochs: Count = Field(20, description="The maximum number of epochs.")
    batch_size: Count = Field(32, description="Streams in a batch, over all devices.")
    learning_rate: float = Field(2e-3, gt=0, description="Of AdamW.")
    schedule: Literal["plateau", "cosine"] = Field(
        "cosine",
        description="Lower the learning rate when the validation score stalls, or by a cosine.",
    )
    weight_decay: float = Field(0.01, ge=0, description="Of AdamW.")


class TextSampling(Options):
    """Sampling"""

    length: Count = Field(500, description="Symbols to sample.")
    seed: int | None = Field(None, ge=0, description="Seed of the random generator, to repeat a sample.")
    prime: str = Field("", description="The text to continue; a new line if not given.")
    temperature: float = Field(
        0.8, ge=0, description="Below 1 favours probable symbols; 0 takes the most probable one."
    )
    top_k: CountOrFound = Field(0, description="Sample from the k most probable symbols; 0 for all.")
    top_p: float = Field(
        1.0, ge=0, le=1, description="Sample from the most probable symbols with this total probability."
    )


@dataclass(frozen=True)
class TextData:
    """A text, split into training, validation and test set."""

    path: Path
    alphabet: Alphabet
    train: TextStreams
    validation: TextStreams
    test: TextStreams
    notes: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, text: SplitText, steps: int = SCORED_STEPS, chunks: int = 0) -> TextData:
        """steps, chunks: the steps of a training chunk, and the chunks of an epoch."""
        train = TextStreams(text.train, steps, chunks, RESET_FRACTION)
        validation, test = TextStreams(text.validation, SCORED_STEPS), TextStreams(text.test, SCORED_STEPS)
        return cls(path, text.alphabet, train, validation, test, text.notes)


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads a text.

    source: the fingerprint of the training data; split: the fractions of its split
    """

    alphabet: dict[str, Any]
    files: str
    source: str
    split: Split


class Generate(Task[TextData]):
    """Language models of text, compared with n-grams."""

    name = "generate"
    about = "Learn to continue a text, symbol by symbol."
    given = "a text file of any size, or a folder of them"
    options = GenerateOptions
    forms = "a text, a list of texts, or a path"
    sampling = TextSampling
    metrics = (
        Metric("nats", "nats/char", ".4f"),
        Metric("bits", "bits/char"),
        Metric("perplexity", "perplexity", ".2f"),
    )
    chosen_by = metrics[0]
    next_step = "gatewise sample {run}"

    def accepts(self, data: Any) -> bool:
        return isinstance(data, Path | str) or is_texts(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, Path) or (isinstance(data, str) and is_path(data)):
            return Path(data), {}
        return write_texts(data, folder), {}

    def sample(self, model: SavedModel, options: TextSampling) -> Iterator[str]:
        """Continues a text, symbol by symbol."""
        assert isinstance(model.network, NextSymbol)
        alphabet = alphabet_from(model.preprocessing.get("alphabet", {}))
        generator = torch.Generator()
        generator.manual_seed(generator.seed() if options.seed is None else options.seed)
        config = SamplingConfig(options.temperature, options.top_k, options.top_p)
        symbols = generate_text(model.network, alphabet, options.prime, config, generator)
        first = next(symbols)  # an invalid prime is rejected here, not at the first use
        return chain([options.prime, first], islice(symbols, options.length - 1))

    def read(self, path: Path, options: GenerateOptions) -> TextData:
        files = find_texts(path, options.files)
        split = Split(options.validation_fraction, options.test_fraction)
        found = read_text(
            files, split, VocabularyConfig(options.tokenizer, options.vocabulary), _progress(path)
        )
        data = TextData.of(path, found, options.steps, options.steps_per_epoch)
        for part in (data.train, data.validation):  # whether the text is long enough
            part.streams(options.batch_size, 0, options.batch_size)
        return data

    def network(self, data: TextData, options: GenerateOptions, cell: CellType) -> LanguageModel:
        return LanguageModel(
            cell,
            symbols=len(data.alphabet),
            hidden=options.hidden,
            layers=options.layers,
            embedding=options.embedding,
            dropout=options.dropout,
        )

    def baselines(
        self, data: TextData, options: GenerateOptions | None = None
    ) -> Mapping[str, Callable[[], Baseline]]:
        symbols = len(data.alphabet)
        return {"unigram": partial(Ngram, symbols, 1), "n-gram": partial(Ngram, symbols)}

    def score(self, predictions: Predictions[NextSymbol, TextStreams], data: TextData) -> dict[str, float]:
        nll = text_nll(predictions.network, predictions.split.text)
        return {
            "nats": nll.per_character,
            "bits": nll.per_character / math.log(2),
            "perplexity": math.exp(min(nll.per_symbol, 700)),
        }

    def preview(self, network: NextSymbol, data: TextData) -> str:
        sampled = generate_text(
            network, data.alphabet, "", SamplingConfig(), torch.Generator().manual_seed(0)
        )
        lines = "".join(islice(sampled, PREVIEW)).splitlines()
        return "\n".join(f"  | {line}" for line in lines if line.strip())

    def preprocessing(self, data: TextData, options: GenerateOptions) -> dict[str, Any]:
        split = Split(options.validation_fraction, options.test_fraction)
        return asdict(Preprocessing(data.alphabet.to_data(), options.files, fingerprint(data.path), split))

    def load_for_evaluation(self, model: SavedModel, path: Path) -> TextData:
        """The test set of the training data, or all of other data."""
        reading = load_preprocessing(Preprocessing, model)
        alphabet, files = alphabet_from(reading.alphabet), find_texts(path, reading.files)
        if fingerprint(path) == reading.source:
            return TextData.of(path, read_text(files, reading.split, alphabet, _progress(path)))
        text, notes = read_whole(files, alphabet, _progress(path))
        whole = TextStreams(text, SCORED_STEPS)
        return TextData(
            path, alphabet, whole, whole, whole, (*notes, "not the training data: the whole text is scored")
        )

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        raise GatewiseError(
            "a language model continues a text and predicts no table: use gatewise sample RUN"
        )

    def details(self, predictions: Predictions[NextSymbol, TextStreams], data: TextData) -> list[Details]:
        network = predictions.network
        passage = read_passage(network, data.test.text)
        return [nll_by_kind(passage), least_predicted(network, passage)]

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """Some symbols of the test set, read from the initial state, with the NLL of each next symbol."""
        data, network = self.load_for_evaluation(model, path), model.network
        text = data.test.text
        require_example(
            number,
            (len(text) - 2) // EXAMPLE_SIZE + 1,
            f"stretches of {EXAMPLE_SIZE} symbols in the test set",
        )
        first = number * EXAMPLE_SIZE
        symbols = torch.from_numpy(text.symbols(first, min(first + EXAMPLE_SIZE + 1, len(text))))[None]
        assert isinstance(network, NextSymbol)
        nats = symbol_nll(network, symbols)[0].double().numpy()
        read = tuple(data.alphabet.shown(one) for one in symbols[0, :-1].tolist())
        tracks = (
            Track("read", symbols=read),
            Track("nats of the next symbol", (Line("nats", nats),)),
        )
        said = f"{nats.mean():.3f} nats/symbol"
        last = partial(network.loss, TextBatch(symbols, True, symbols.shape[1] - 2))
        name = f"test set from symbol {first}"
        return Example(
            TextBatch(symbols, True, 0), name, tracks, said, unit="symbol", last=last,
            attribute=partial(explain_generate, network, data.alphabet, symbols, tracks[0]),
        )  # fmt: skip

    def caption(self, data: TextData) -> str:
        symbol = {"characters": "character", "bytes": "byte", "bpe": "byte pair"}[data.alphabet.kind]
        return (
            "* a baseline; nats/char: the mean -ln p of a character given all before it; bits: nats/ln 2; "
            f"perplexity: exp of the mean nats of a {symbol}"
        )

    def draw(self, comparison: Comparison[TextData]) -> list[Plot]:
        about = "a passage of the test set, coloured by the NLL of each character"
        return [Plot("nll", about, draw_text(comparison))]


def _progress(path: Path) -> Callable[[float], None]:
    """Reports the progress of reading a long text."""
    last = time.monotonic()

    def report(fraction: float) -> None:
        nonlocal last
        if time.monotonic() > last + PROGRESS_INTERVAL and is_first():
            last = time.monotonic()
            print(f"read {fraction:.0%} of {path}", file=sys.stderr)

    return report


TASK = Generate()
