"""Generating: a model that foretells the next symbol of a text, and so can go on with it."""

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
from gatewise.tasks.generate.network import NextSymbol, follow, surprise
from gatewise.tasks.generate.plots import draw_text
from gatewise.tasks.generate.sampling import SamplingConfig, generate_text
from gatewise.tasks.generate.tables import costs, read_passage, surprises
from gatewise.tasks.options import Count, CountOrFound, Depth, Fraction, Options, Rate, Size, TaskOptions
from gatewise.tasks.preprocessing import read_as
from gatewise.tasks.serialization import SavedModel

GLIMPSE = 160  # characters shown after each epoch
EVERY = 3.0  # seconds between two words on how far a long text is read
FRESH = 0.03  # of the streams begin anew before a chunk, so that a network can go on with a few words
LOOKED_AT = 160  # symbols of an example
SCORED = 128  # symbols of a chunk where nothing is learned


class TextOptions(Options):
    """The text"""

    tokenizer: Literal["characters", "bytes", "bpe"] = Field(
        "characters", description="What is foretold one after another."
    )
    vocabulary: CountOrFound = Field(
        0, description="Symbols at most; 0 for all characters, or for 2000 byte pairs."
    )
    files: str = Field("*.txt", min_length=1, description="Which files of a folder, as a pattern.")
    validation_fraction: Fraction = Field(0.05, description="The part before the test part, to choose by.")
    test_fraction: Fraction = Field(0.1, description="The last part of the text, to test on.")
    steps: Count = Field(128, description="Symbols through which a gradient goes back.")
    steps_per_epoch: CountOrFound = Field(
        0,
        description="At most so many steps of that length are an epoch; the next goes on there. 0 for all.",
    )


class LanguageOptions(Options):
    """The network"""

    hidden: Size = Field(512, description="Units of a layer.")
    layers: Depth = Field(1, description="Layers above each other.")
    embedding: Size = Field(128, description="Numbers that stand for a symbol.")
    dropout: Rate = Field(0.3, description="Of the embedding, between layers, and before the softmax.")


class GenerateOptions(TaskOptions, LanguageOptions, TextOptions):
    """The training"""

    epochs: Count = Field(20, description="Rounds over the part to train on, at most.")
    batch_size: Count = Field(32, description="Streams side by side, over all devices.")
    learning_rate: float = Field(2e-3, gt=0, description="Of AdamW.")
    schedule: Literal["plateau", "cosine"] = Field(
        "cosine", description="The rate falls where validation stands still, or by a cosine over all epochs."
    )
    weight_decay: float = Field(0.01, ge=0, description="Of AdamW.")


class TextSampling(Options):
    """Sampling"""

    length: Count = Field(500, description="Symbols to draw.")
    seed: int | None = Field(None, ge=0, description="Draws the same again.")
    prime: str = Field("", description="The text to continue; a new line if not given.")
    temperature: float = Field(
        0.8, ge=0, description="Below 1 likely symbols become likelier; 0 takes the likeliest."
    )
    top_k: CountOrFound = Field(0, description="Only from so many of the likeliest; 0 for all.")
    top_p: float = Field(1.0, ge=0, le=1, description="Only from the likeliest of this probability together.")


@dataclass(frozen=True)
class TextData:
    """A text in parts, ready to be foretold."""

    path: Path
    alphabet: Alphabet
    train: TextStreams
    validation: TextStreams
    test: TextStreams
    notes: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, text: SplitText, steps: int = SCORED, chunks: int = 0) -> TextData:
        """steps, chunks: of training."""
        train = TextStreams(text.train, steps, chunks, FRESH)
        validation, test = TextStreams(text.validation, SCORED), TextStreams(text.test, SCORED)
        return cls(path, text.alphabet, train, validation, test, text.notes)


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads a text; `source` tells the text it was trained on, `split` how that was split."""

    alphabet: dict[str, Any]
    files: str
    source: str
    split: Split


class Generate(Task[TextData]):
    """Foretells the next symbol of a text, beside n-grams."""

    name = "generate"
    about = "Learn to go on with a text, symbol by symbol."
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
        alphabet = alphabet_from(model.reading.get("alphabet", {}))
        generator = torch.Generator()
        generator.manual_seed(generator.seed() if options.seed is None else options.seed)
        config = SamplingConfig(options.temperature, options.top_k, options.top_p)
        symbols = generate_text(model.network, alphabet, options.prime, config, generator)
        first = next(symbols)  # a prime that can't be read is refused here, not at the first use
        return chain([options.prime, first], islice(symbols, options.length - 1))

    def read(self, path: Path, options: GenerateOptions) -> TextData:
        files = find_texts(path, options.files)
        split = Split(options.validation_fraction, options.test_fraction)
        found = read_text(
            files, split, VocabularyConfig(options.tokenizer, options.vocabulary), _telling(path)
        )
        data = TextData.of(path, found, options.steps, options.steps_per_epoch)
        for part in (data.train, data.validation):  # whether the text is long enough
            part.streams(options.batch_size, 0, options.batch_size)
        return data

    def network(self, data: TextData, options: GenerateOptions, cell: CellType) -> LanguageModel:
        return LanguageModel(
            cell, len(data.alphabet), options.hidden, options.layers, options.embedding, options.dropout
        )

    def baselines(
        self, data: TextData, options: GenerateOptions | None = None
    ) -> Mapping[str, Callable[[], Baseline]]:
        symbols = len(data.alphabet)
        return {"unigram": partial(Ngram, symbols, 1), "n-gram": partial(Ngram, symbols)}

    def score(self, network: NextSymbol, data: TextData, part: TextStreams) -> dict[str, float]:
        found = surprise(network, part.text)
        return {
            "nats": found.character,
            "bits": found.character / math.log(2),
            "perplexity": math.exp(min(found.symbol, 700)),
        }

    def preview(self, network: NextSymbol, data: TextData) -> str:
        drawn = generate_text(network, data.alphabet, "", SamplingConfig(), torch.Generator().manual_seed(0))
        lines = "".join(islice(drawn, GLIMPSE)).splitlines()
        return "\n".join(f"  | {line}" for line in lines if line.strip())

    def reading(self, data: TextData, options: GenerateOptions) -> dict[str, Any]:
        split = Split(options.validation_fraction, options.test_fraction)
        return asdict(Preprocessing(data.alphabet.to_data(), options.files, fingerprint(data.path), split))

    def load_for_evaluation(self, model: SavedModel, path: Path) -> TextData:
        """The file that was trained on gives its test part; any other is scored as a whole."""
        reading = read_as(Preprocessing, model)
        alphabet, files = alphabet_from(reading.alphabet), find_texts(path, reading.files)
        if fingerprint(path) == reading.source:
            return TextData.of(path, read_text(files, reading.split, alphabet, _telling(path)))
        text, notes = read_whole(files, alphabet, _telling(path))
        whole = TextStreams(text, SCORED)
        return TextData(
            path, alphabet, whole, whole, whole, (*notes, "other than the training text: all is scored")
        )

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        raise GatewiseError(
            "a model of a text foretells its next symbols, and no table: use gatewise sample RUN"
        )

    def details(self, network: NextSymbol, data: TextData) -> list[Details]:
        passage = read_passage(network, data.test.text)
        return [costs(passage), surprises(network, passage)]

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """Some symbols of the test part, read from an empty state, and how surprising each next one was."""
        data, network = self.load_for_evaluation(model, path), model.network
        text = data.test.text
        require_example(
            number, (len(text) - 2) // LOOKED_AT + 1, f"stretches of {LOOKED_AT} symbols to test on"
        )
        first = number * LOOKED_AT
        symbols = torch.from_numpy(text.symbols(first, min(first + LOOKED_AT + 1, len(text))))[None]
        assert isinstance(network, NextSymbol)
        nats = follow(network, symbols)[0].double().numpy()
        read = tuple(data.alphabet.shown(one) for one in symbols[0, :-1].tolist())
        tracks = (
            Track("read", symbols=read),
            Track("nats of the next symbol", (Line("nats", nats),)),
        )
        said = f"{nats.mean():.3f} nats a symbol"
        last = partial(network.loss, TextBatch(symbols, True, symbols.shape[1] - 2))
        name = f"test part from symbol {first} on"
        return Example(
            TextBatch(symbols, True, 0), name, tracks, said, unit="symbol", last=last,
            explain=partial(explain_generate, network, data.alphabet, symbols, tracks[0]),
        )  # fmt: skip

    def caption(self, data: TextData) -> str:
        symbol = {"characters": "character", "bytes": "byte", "bpe": "byte pair"}[data.alphabet.kind]
        return (
            "* a baseline; nats/char: the mean -ln p of a character, given all before it; bits: nats/ln 2; "
            f"perplexity: exp of the mean nats of a {symbol}"
        )

    def draw(self, comparison: Comparison[TextData]) -> list[Plot]:
        about = "a passage of the test part, and how surprising each character was"
        return [Plot("surprise", about, draw_text(comparison))]


def _telling(path: Path) -> Callable[[float], None]:
    """Says now and then how far a long text is read."""
    told = time.monotonic()

    def tell(share: float) -> None:
        nonlocal told
        if time.monotonic() > told + EVERY and is_first():
            told = time.monotonic()
            print(f"read {share:.0%} of {path}", file=sys.stderr)

    return tell


TASK = Generate()
