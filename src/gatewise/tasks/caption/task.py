"""The captioning task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, field_validator

from gatewise.cells.base import CellType
from gatewise.data.fingerprint import fingerprint
from gatewise.data.images.captions import Captions, CaptionTable, image_column, read_captions
from gatewise.data.images.image_file import ImageForm, read_size
from gatewise.data.images.images import Colour, find_images, reopen_images
from gatewise.data.images.left_out import left_out_below, shown
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.images import is_images, write_captioned, write_images
from gatewise.data.text.pairs import is_table
from gatewise.data.text.symbols import Kind, Symbols
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.text import METRICS, by_length, require_sacrebleu
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, require_example
from gatewise.tasks.base import Prediction, Task
from gatewise.tasks.caption.baselines import CaptionBaseline, MostFrequentCaption, NearestImage
from gatewise.tasks.caption.data import (
    CaptionData,
    VocabularyConfig,
    prepare_captions,
    some_captions,
    split_images,
)
from gatewise.tasks.caption.encoder import EncoderKind
from gatewise.tasks.caption.inspect import caption_example
from gatewise.tasks.caption.metrics import caption_images, references, score_captions
from gatewise.tasks.caption.network import Captioner, CaptionNetwork
from gatewise.tasks.caption.plots import CaptionedImage, draw_attention, draw_captions
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import (
    Count,
    CountOrFound,
    Depth,
    Fraction,
    Options,
    Rate,
    Size,
    StackOptions,
    TaskOptions,
)
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

EXAMPLES, IMAGES, ATTENTION_MAPS = 5, 12, 4


class CaptionDataOptions(Options):
    """The captions"""

    images: str | None = Field(None, description="The folder of the images; by default that of the table.")
    file: str | None = Field(None, description="The column of image files; by default the one of that name.")
    caption: str | None = Field(None, description="The column of captions; by default the one of that name.")
    split_column: str | None = Field(None, description="A column with the values train, validation and test.")
    validation_fraction: Fraction = Field(
        0.1, description="Fraction of the images for validation, without a column."
    )
    test_fraction: Fraction = Field(
        0.1, description="Fraction of the images for the test set, without a column."
    )
    size: str | None = Field(
        None, description="HEIGHTxWIDTH that images are resized to, or HEIGHTx for any width."
    )
    colour: Colour = Field("auto", description="Read images as grey, in colour, or unchanged.")
    tokenizer: Kind = Field("words", description="The symbols of a text.")
    vocabulary: Count = Field(8000, description="The maximum number of symbols.")
    min_count: Count = Field(2, description="Occurrences in the training set below which a word is unknown.")
    lowercase: bool = Field(False, description="Convert texts to lower case, references too.")

    @field_validator("images", mode="after")
    @classmethod
    def _from_anywhere(cls, value: str | None) -> str | None:
        """A run can be resumed from another folder."""
        return None if value is None else str(Path(value).resolve())


class CaptionNetworkOptions(StackOptions):
    """The network"""

    hidden: Size = Field(
        128, description="Hidden units of a layer; each direction of the encoder of columns has half."
    )
    dropout: Rate = Field(0.2, description="Of embeddings, between layers, and before the softmax.")
    filters: tuple[Size, ...] = Field(
        (16, 32), min_length=1, description="Filters of the convolution's blocks; each block halves an image."
    )
    encoder: EncoderKind = Field(
        "columns", description="What the decoder attends to: encoded columns of the image, or all positions."
    )
    embedding: Size = Field(64, description="Size of a symbol's vector.")
    attention: Literal["bahdanau", "luong", "none"] = Field(
        "bahdanau", description="Attention over the encoder's outputs: luong is faster."
    )
    beam: Depth = Field(3, description="Hypotheses of the beam search.")
    length_penalty: float = Field(
        1.0, ge=0, description="Of the beam search: 0 prefers short outputs, 1 and above long ones."
    )


class CaptionOptions(TaskOptions, CaptionNetworkOptions, CaptionDataOptions):
    """The training"""

    epochs: Count = Field(30, description="The maximum number of epochs.")
    batch_size: CountOrFound = Field(
        32, description="Captions in a batch, over all devices; 0 finds a number."
    )
    learning_rate: float = Field(2e-3, gt=0, description="Of AdamW.")


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads images and captions.

    form: of the images
    symbols: the vocabulary
    images, columns, part: the folder of images, the columns, and the column of the split
    source: the fingerprint of the training data
    shares: the fractions for validation and test
    """

    form: ImageForm
    symbols: dict[str, Any]
    images: str | None
    columns: tuple[str, str]
    part: str | None
    source: str
    shares: tuple[float, float]

    def table(self, path: Path, trained: bool) -> CaptionTable:
        """Reads images with captions; trained: whether the file is the training data."""
        images = Path(self.images) if trained and self.images else None
        return read_captions(path, images, *self.columns, self.part if trained else None)


class CaptionTask(Task[CaptionData]):
    """Captioning, compared with the most frequent caption and that of the nearest image."""

    name = "caption"
    about = "Learn to write captions for images."
    given = "a folder of images with a table of their captions in it, or that table"
    options = CaptionOptions
    metrics = METRICS
    chosen_by = METRICS[0]
    next_step = "gatewise predict {run} {data} --out captions.csv"

    def check(self, options: CaptionOptions, cell: CellType) -> None:
        super().check(options, cell)
        require_sacrebleu()
        if options.encoder == "columns" and options.hidden % 2:
            raise GatewiseError(
                f"a bidirectional encoder needs an even number of hidden units, got {options.hidden}"
            )

    def accepts(self, data: Any) -> bool:
        return isinstance(data, str | Path) or is_images(data)

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, str | Path):
            return Path(data), {}
        return (write_images(data, folder) if y is None else write_captioned(data, folder, y)), {}

    def read(self, path: Path, options: CaptionOptions) -> CaptionData:
        images = Path(options.images) if options.images else None
        table = read_captions(path, images, options.file, options.caption, options.split_column)
        wanted = VocabularyConfig(
            options.tokenizer, options.vocabulary, options.min_count, options.lowercase, options.colour,
            read_size(options.size or ""),
        )  # fmt: skip
        data = prepare_captions(table, wanted, (options.validation_fraction, options.test_fraction))
        heights = data.files.sizes[:, 0]
        if options.encoder == "columns" and (heights != heights[0]).any():
            other = int((heights != heights[0]).argmax())
            raise GatewiseError(
                f"{table.images[0]} is {heights[0]} pixels high and {table.images[other]} {heights[other]}; "
                f"columns need one height: give --size {heights.min()}x, or --encoder positions"
            )
        return data

    def network(self, data: CaptionData, options: CaptionOptions, cell: CellType) -> CaptionNetwork:
        return CaptionNetwork(
            cell,
            channels=data.files.form.channels,
            symbols=len(data.symbols),
            max_length=int(data.train.targets.lengths.max()),
            encoder=options.encoder,
            height=int(data.files.sizes[0, 0]),
            filters=options.filters,
            embedding=options.embedding,
            hidden=options.hidden,
            layers=options.layers,
            attention=options.attention,
            dropout=options.dropout,
            beam=options.beam,
            penalty=options.length_penalty,
        )

    def baselines(
        self, data: CaptionData, options: CaptionOptions | None = None
    ) -> Mapping[str, Callable[[], CaptionBaseline]]:
        return {
            "most-frequent": MostFrequentCaption,
            "nearest-image": partial(NearestImage, data.files.form.channels),
        }

    def score(self, predictions: Predictions[Captioner, Captions], data: CaptionData) -> dict[str, float]:
        network, part = predictions.network, predictions.split
        predicted = caption_images(network, part, data.symbols)
        return score_captions([one.text for one in predicted], references(part, data.symbols))

    def preview(self, network: Captioner, data: CaptionData) -> str:
        image = data.table.images[data.validation.numbers[0]]
        return f"{image.name} → {caption_images(network, data.validation, data.symbols, [0])[0].text}"

    def preprocessing(self, data: CaptionData, options: CaptionOptions) -> dict[str, Any]:
        source, shares = (
            fingerprint(Path(data.table.given)),
            (options.validation_fraction, options.test_fraction),
        )
        symbols, columns = data.symbols.to_data(), data.table.columns
        return asdict(
            Preprocessing(
                data.files.form, symbols, options.images, columns, options.split_column, source, shares
            )
        )

    def load_for_evaluation(self, model: SavedModel, path: Path) -> CaptionData:
        """The test set of the training data, or all of other data."""
        reading = load_preprocessing(Preprocessing, model)
        trained = path.exists() and fingerprint(path) == reading.source
        table = reading.table(path, trained)
        numbers = split_images(table, reading.shares)[2] if trained else list(range(len(table.images)))
        files = reopen_images(table.images, reading.form)
        _check_height(model, table.images, files.sizes)
        symbols = Symbols.from_data(reading.symbols)
        test, none = (some_captions(table, files, some, symbols) for some in (numbers, []))
        note = f"{len(numbers):,} images to test" + (", which the model has not seen" if trained else "")
        return CaptionData(table, files, symbols, none, none, test, (note, *files.notes))

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Captions the images of a folder, the images of a table, or one image."""
        reading = load_preprocessing(Preprocessing, model)
        file, column = reading.columns
        if is_table(path):
            names, images = image_column(path, file)
        else:
            images = find_images(path)
            names = tuple(shown(str(one.relative_to(path)) if one != path else one.name) for one in images)
        files = reopen_images(images, reading.form)
        _check_height(model, images, files.sizes)
        symbols = Symbols.from_data(reading.symbols)
        assert isinstance(model.network, Captioner)
        every = Captions(files, range(len(files)), [()] * len(files), symbols)
        predicted = [one.text for one in caption_images(model.network, every, symbols)]
        left_out = left_out_below(path) if path.is_dir() else ()
        about = "; ".join((f"{len(predicted)} captions", *left_out, *files.notes))
        return Prediction(pl.DataFrame({file: names, column: predicted}), about, lines=column)

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """An image of the test set with its caption."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test.numbers), "images in the test set")
        assert isinstance(model.network, CaptionNetwork)
        return caption_example(model.network, data, number)

    def details(self, predictions: Predictions[Captioner, Captions], data: CaptionData) -> list[Details]:
        network = predictions.network
        predicted = [one.text for one in caption_images(network, data.test, data.symbols)]
        truth = references(data.test, data.symbols)
        return [_by_length(predicted, truth, data.symbols), _examples(predicted, truth, data)]

    def caption(self, data: CaptionData) -> str:
        return "* a baseline; BLEU and chrF: by sacrebleu, up to 100; exact: captions that equal a reference"

    def draw(self, comparison: Comparison[CaptionData]) -> list[Plot]:
        result, data = comparison.chosen(baseline=False), comparison.data
        assert result is not None
        assert isinstance(result.network, CaptionNetwork)
        shown = [_shown(result.network, data, place) for place in range(min(IMAGES, len(data.test.numbers)))]
        title = f"The first images of the test set: a true caption above, that of {result.name} below"
        about = f"images of the test set with true captions and those of {result.name}"
        drawn = [Plot("captions", about, draw_captions(shown, title))]
        with_attention = [one for one in shown if one.attention][:ATTENTION_MAPS]
        if with_attention:
            figure = draw_attention(with_attention, f"Attention of {result.name} for each symbol")
            drawn.append(Plot("attention", f"the attention of {result.name} for each symbol", figure))
        return drawn


def _check_height(model: SavedModel, images: Sequence[Path], sizes: np.ndarray) -> None:
    """Raises: `GatewiseError` if an image has another height than the columns of the model."""
    options = model.network.options()
    if options.get("encoder") != "columns":
        return
    wrong = sizes[:, 0] != options["height"]
    if wrong.any():
        which = int(wrong.argmax())
        raise GatewiseError(
            f"{images[which]} is {sizes[which, 0]} pixels high; the model was trained on images of "
            f"{options['height']}, and without a --size to resize others to"
        )


def _shown(network: CaptionNetwork, data: CaptionData, place: int) -> CaptionedImage:
    """One image of the test set with its captions and attention."""
    predicted = caption_images(network, data.test, data.symbols, [place])[0]
    true = references(data.test, data.symbols)[place]
    image = data.files[data.test.numbers[place]]
    height, width = image.shape[:2]
    attention: tuple[np.ndarray, ...] = ()
    if predicted.attention is not None and predicted.attention.numel():
        attention = tuple(network.reader.over_pixels(predicted.attention, height, width).numpy())
    tokens = tuple(map(data.symbols.shown, predicted.tokens))
    return CaptionedImage(image, true, predicted.text, predicted.text in true, tokens, attention)


def _examples(predicted: list[str], truth: list[tuple[str, ...]], data: CaptionData) -> Details:
    rows: list[tuple[str, ...]] = []
    for place in range(min(EXAMPLES, len(predicted))):
        name = data.table.images[data.test.numbers[place]].name
        rows += [(name, "true", truth[place][0]), ("", "predicted", predicted[place])]
    return Details("images of the test set", ("image", "", ""), tuple(rows))


def _by_length(predicted: list[str], truth: list[tuple[str, ...]], symbols: Symbols) -> Details:
    """Scores of images by the length of their first reference."""

    def scored(chosen: list[int]) -> dict[str, float]:
        return score_captions([predicted[place] for place in chosen], [truth[place] for place in chosen])

    lengths = [len(symbols.split(own[0])) for own in truth]
    return by_length(lengths, scored, "by the number of symbols of a reference", "images")


TASK = CaptionTask()
