"""Captions from folders to files, in Python."""

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from gatewise.data.images.captions import CaptionBatch
from gatewise.errors import GatewiseError
from gatewise.tasks.caption.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.bars import write_captions
from tests.figures import drawn
from tests.tasks.decoding import greedy
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"hidden": 16, "embedding": 6, "filters": (4,), "epochs": 10, "learning_rate": 0.02, "dropout": 0.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_captions(tmp_path_factory.mktemp("bars") / "images", 200)


@pytest.fixture(scope="module")
def comparison(folder):
    return execute(TASK, "train", folder, folder.parent / "run", TrainOptions(**SMALL))


def test_train(folder, comparison):
    scores = {one.name: one.scores for one in comparison.results}
    assert scores.keys() == {"most-frequent", "nearest-image", "lstm"}
    assert comparison.data.notes == (
        "200 grey images, 8 x 8 to 24, with 200 captions of 6 symbols",
        "training set 160 images, validation set 20 images, test set 20 images",
    )
    assert scores["lstm"]["exact"] > 0.8
    assert scores["most-frequent"]["exact"] < 0.5
    network = comparison.chosen(baseline=False).network
    by_length, examples = comparison.details
    assert sum(int(row[1]) for row in by_length.rows) == 20
    assert TASK.metrics[0].gain(80.0, 5.0) == "75.0 above"
    assert examples.rows[0][2] == comparison.data.test.captions[0][0]
    image = comparison.data.table.images[comparison.data.validation.numbers[0]]
    assert TASK.preview(network, comparison.data).startswith(f"{image.name} → ")
    assert drawn(TASK, comparison, folder.parent / "run").keys() == {"captions.png", "attention.png"}


def test_evaluate_scores_the_test_set(folder, comparison):
    again = evaluate(TASK, folder.parent / "run", folder)
    assert again.results[0].scores == next(one.scores for one in comparison.results if one.name == "lstm")
    assert again.data.notes == ("20 images to test, which the model has not seen",)


def test_evaluate_takes_all_of_other_images(folder, comparison, tmp_path):
    again = evaluate(
        TASK, folder.parent / "run", write_captions(tmp_path / "others", 10, seed=1) / "captions.csv"
    )
    assert again.data.notes == ("10 images to test",)
    assert again.results[0].scores["exact"] > 0.5


def test_predict_returns_a_caption_for_each_image(folder, comparison, tmp_path):
    model = load_model(folder.parent / "run")
    predicted = TASK.predict(model, folder)
    assert predicted.text_column == "caption"
    truth = pl.read_csv(folder / "captions.csv").rename({"caption": "true"})
    both = predicted.frame.join(truth, on="file")
    assert both.height == 200
    assert (both["caption"] == both["true"]).mean() > 0.8
    by_table = TASK.predict(model, folder / "captions.csv").frame
    assert by_table.sort("file").equals(predicted.frame.sort("file"))
    alone = TASK.predict(model, folder / "3.png").frame
    assert alone.rows() == predicted.frame.filter(pl.col("file") == "3.png").rows()
    Image.new("L", (8, 9)).save(tmp_path / "high.png")
    with pytest.raises(
        GatewiseError, match=r"high\.png is 9 pixels high; the model was trained on images of 8"
    ):
        TASK.predict(model, tmp_path)


def test_the_table_names_the_set_of_each_image_and_words_are_bounded(folder, tmp_path):
    parts = pl.Series("part", ["train"] * 150 + ["val"] * 20 + ["test"] * 30)
    table = pl.read_csv(folder / "captions.csv").with_columns(parts)
    table.write_csv(tmp_path / "parts.csv")
    options = TrainOptions(images=str(folder), split_column="part", vocabulary=5, encoder="positions")
    data = TASK.read(tmp_path / "parts.csv", options)
    assert [len(part.numbers) for part in (data.train, data.validation, data.test)] == [150, 20, 30]
    assert len(data.symbols) == 5
    assert "; unknown in the test set: " in data.notes[0]
    table.with_columns(part=pl.lit("train")).write_csv(tmp_path / "one.csv")
    with pytest.raises(GatewiseError, match=r"one\.csv: no image is in the set 'validation'; name some"):
        TASK.read(tmp_path / "one.csv", options)
    table.head(4).write_csv(tmp_path / "few.csv")
    with pytest.raises(
        GatewiseError, match=r"few\.csv: expected at least 5 images with captions to split .*, got 4"
    ):
        TASK.read(tmp_path / "few.csv", TrainOptions(images=str(folder)))


def test_columns_need_one_height(tmp_path):
    folder = write_captions(tmp_path / "images", 10)
    Image.new("L", (8, 9)).save(folder / "3.png")
    message = (
        r"0\.png is 8 pixels high and .*3\.png 9; columns need one height: give --size 8x, or --encoder posit"
    )
    with pytest.raises(GatewiseError, match=message):
        TASK.read(folder, TrainOptions())
    assert set(TASK.read(folder, TrainOptions(size="8x")).files.sizes[:, 0]) == {8}
    assert set(TASK.read(folder, TrainOptions(encoder="positions")).files.sizes[:, 0]) == {8, 9}


def test_the_deployed_encoder_and_decoder_caption(folder, comparison):
    model = load_model(folder.parent / "run")
    model.network.beam = 1
    deployed, numbers = TASK.deployed(model), list(range(10))
    files = comparison.data.files
    shapes = [files[number].shape for number in numbers]
    images = torch.full((10, *np.max(shapes, axis=0).tolist()), 99.0)
    for number, (height, width, _) in enumerate(shapes):
        images[number, :height, :width] = torch.from_numpy(files[number].astype(np.float32))
    sizes = torch.tensor([shape[:2] for shape in shapes])
    found = greedy(deployed, {"images": images, "sizes": sizes}, [model.network.max_length + 1] * 10)
    pixels, own = files.batch(numbers)
    expected = model.network.eval().caption(CaptionBatch(pixels, own, own.new_zeros(10, 0)))
    assert found == [one.numbers for one in expected]
    assert len({tuple(one) for one in found}) > 3
