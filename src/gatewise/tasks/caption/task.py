"""The captioning task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.cells.base import CellType
from gatewise.data.images.caption_files import has_captions
from gatewise.data.images.captions import Captions, image_column
from gatewise.data.images.images import find_images, reopen_images
from gatewise.data.images.left_out import left_out_below, printable
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.images import is_images, write_captioned, write_images
from gatewise.data.tokenizers.sentences import SentenceTokenizer
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.text import METRICS, import_sacrebleu
from gatewise.plots.plot import Plot
from gatewise.report.example import Example, require_example
from gatewise.tasks.base import Task
from gatewise.tasks.caption.baselines import CaptionBaseline, MostFrequentCaption, NearestImage
from gatewise.tasks.caption.data import (
    CaptionData,
    Preprocessing,
    check_heights,
    read_data,
    read_further_data,
    read_test_data,
)
from gatewise.tasks.caption.deploy import DeployedCaptioner, deployed
from gatewise.tasks.caption.encoder import begins_by_output
from gatewise.tasks.caption.inspect import caption_example
from gatewise.tasks.caption.metrics import (
    CaptionPredictions,
    caption_images,
    examples,
    references,
    score_captions,
    scores_by_length,
)
from gatewise.tasks.caption.network import Captioner, CaptionNetwork
from gatewise.tasks.caption.options import CaptionOptions
from gatewise.tasks.caption.plots import captioned_images, draw_attention, draw_captions
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel

IMAGES, ATTENTION_MAPS = 12, 4


class CaptionTask(Task[CaptionData, CaptionOptions, Captioner, CaptionPredictions]):
    """Captioning, compared with the most frequent caption and that of the nearest image."""

    name = "caption"
    about = "Learn to write captions for images."
    data_help = (
        "a folder of images with a table of their captions in it, or that table, or a .json or .token file"
    )
    options = CaptionOptions
    metrics = METRICS
    selection_metric = METRICS[0]
    tunable = frozenset({"images"})
    next_command = "gatewise predict {run} {data} --out captions.csv"

    def check(self, options: CaptionOptions, cell: CellType) -> None:
        super().check(options, cell)
        import_sacrebleu()
        if options.encoder == "columns" and options.hidden % 2:
            raise GatewiseError(
                f"a bidirectional encoder needs an even number of hidden units, got "
                f"--hidden {options.hidden}; give {options.hidden + 1}"
            )
        if options.encoder == "positions" and options.attention == "none" and not begins_by_output(cell):
            raise GatewiseError(
                f"the cell {cell.__name__} does not read its last output, so that it would see nothing of an "
                "image; give --encoder columns, --attention bahdanau, or another cell such as lstm"
            )

    def accepts(self, data: object) -> bool:
        return isinstance(data, str | Path) or is_images(data)

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        if isinstance(data, str | Path):
            return Path(data), {}
        return (write_images(data, folder) if y is None else write_captioned(data, folder, y)), {}

    def read(self, path: Path, options: CaptionOptions) -> CaptionData:
        return read_data(path, options)

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
            heads=options.heads,
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

    def predictions(self, network: Captioner, data: CaptionData, split: Captions) -> CaptionPredictions:
        values = caption_images(network, split, data.symbols)
        return CaptionPredictions(network, split, values, references(split, data.symbols))

    def score(self, predictions: CaptionPredictions, data: CaptionData) -> dict[str, float]:
        return score_captions(predictions.texts, predictions.references)

    def preview(self, network: Captioner, data: CaptionData) -> str:
        image = data.table.images[data.validation.numbers[0]]
        return f"{image.name} → {caption_images(network, data.validation, data.symbols, [0])[0].text}"

    def preprocessing(self, data: CaptionData, options: CaptionOptions) -> dict[str, Any]:
        return asdict(Preprocessing.of(data, options))

    def load_for_evaluation(self, model: SavedModel, path: Path) -> CaptionData:
        """The test set of the training data, or all of other data."""
        return read_test_data(path, load_preprocessing(Preprocessing, model), required_height(model))

    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: CaptionOptions) -> CaptionData:
        preprocessing = load_preprocessing(Preprocessing, model)
        return read_further_data(path, preprocessing, options, required_height(model))

    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Captions the images of a folder, the images of a table, or one image."""
        preprocessing = load_preprocessing(Preprocessing, model)
        file, column = preprocessing.columns
        if path.is_file() and has_captions(path):
            names, images = image_column(path, file)
        else:
            images = find_images(path)
            names = tuple(
                printable(str(image.relative_to(path)) if image != path else image.name) for image in images
            )
        files = reopen_images(images, preprocessing.form)
        check_heights(images, files.sizes, required_height(model))
        symbols = SentenceTokenizer.from_data(preprocessing.symbols)
        assert isinstance(model.network, Captioner)
        captions = Captions(files, range(len(files)), [()] * len(files), symbols)
        predicted = [caption.text for caption in caption_images(model.network, captions, symbols)]
        left_out = left_out_below(path) if path.is_dir() else ()
        about = "; ".join((f"{len(predicted)} captions", *left_out, *files.notes))
        frame = pl.DataFrame({file: names, column: predicted})
        return Prediction(frame, about, text_column=column, values=predicted)

    def deployed(self, model: SavedModel) -> DeployedCaptioner:
        return deployed(model.network, load_preprocessing(Preprocessing, model))

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """An image of the test set with its caption."""
        data = self.load_for_evaluation(model, path)
        require_example(number, len(data.test.numbers), "images in the test set")
        assert isinstance(model.network, CaptionNetwork)
        return caption_example(model.network, data, number)

    def details(self, predictions: CaptionPredictions, data: CaptionData) -> list[Details]:
        return [scores_by_length(predictions, data.symbols), examples(predictions, data)]

    def caption(self, data: CaptionData) -> str:
        return "* a baseline; BLEU and chrF: by sacrebleu, up to 100; exact: captions that equal a reference"

    def draw(self, comparison: Comparison[CaptionData, CaptionPredictions]) -> list[Plot]:
        result, data = comparison.chosen_network, comparison.data
        captioned = captioned_images(result.predictions, data, IMAGES)
        title = f"The first images of the test set: a true caption above, that of {result.name} below"
        about = f"images of the test set with true captions and those of {result.name}"
        plots = [Plot("captions", about, draw_captions(captioned, title))]
        with_attention = [example for example in captioned if example.attention][:ATTENTION_MAPS]
        if with_attention:
            figure = draw_attention(with_attention, f"Attention of {result.name} for each symbol")
            plots.append(Plot("attention", f"the attention of {result.name} for each symbol", figure))
        return plots


def required_height(model: SavedModel) -> int | None:
    """The height of the images that a model reads, if it reads columns."""
    options = model.network.options()
    return options["height"] if options.get("encoder") == "columns" else None


TASK = CaptionTask()
