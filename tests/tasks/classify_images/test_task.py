"""Classifying images from folders to files, in Python."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from gatewise.errors import GatewiseError
from gatewise.tasks import choose_task
from gatewise.tasks.classify_images.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from gatewise.training import runs
from tests.bars import write_classes
from tests.figures import drawn
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"hidden": 8, "epochs": 6, "learning_rate": 0.02, "patch": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    write_classes(folder / "bars", 60)
    write_classes(folder / "parts" / "train", 20, seed=1)
    write_classes(folder / "parts" / "test", 8, seed=2)
    return folder


@pytest.fixture(scope="module", params=["stack", "lattice", pytest.param("grid", marks=pytest.mark.thorough)])
def trained(request, folder):
    """A comparison of each kind of network, its run's folder and its name."""
    out = folder / request.param
    options = TrainOptions(**SMALL, network=request.param, layers=2)
    name = "lstm" if request.param == "stack" else f"{request.param}-lstm"
    return execute(TASK, "train", folder / "bars", out, options), out, name


def test_train(folder, trained):
    comparison, out, name = trained
    assert {one.name for one in comparison.results} == {"majority", "logistic", "nearest", name}
    assert comparison.data.notes == (
        "120 grey images of 2 classes, 8 x 8",
        "training set 84, validation set 18, test set 18 images: stratified by class",
    )
    scores = {one.name: one.scores for one in comparison.results}
    assert scores["majority"]["accuracy"] == 0.5
    assert scores[name]["accuracy"] > 0.8
    assert drawn(TASK, comparison, out).keys() == {"confusion.png", "highest-loss.png"}


def test_evaluate_scores_the_test_set(folder, trained):
    comparison, out, name = trained
    again = evaluate(TASK, out, folder / "bars")
    assert again.results[0].scores == next(one.scores for one in comparison.results if one.name == name)
    assert again.data.notes == ("the test set is 18 images that the model has not seen",)


def test_evaluate_takes_the_test_set_of_other_images_or_all(folder, trained):
    _, out, _ = trained
    assert evaluate(TASK, out, folder / "parts").data.notes == ("the test set is 16 images",)
    assert evaluate(TASK, out, folder / "parts" / "train").data.notes == ("the test set is 40 images",)


def test_predict_finds_images_in_nested_folders(folder, trained):
    _, out, _ = trained
    predicted = TASK.predict(load_model(out), folder / "parts").frame
    assert predicted.columns == ["image", "label", "p(level)", "p(upright)"]
    assert predicted.height == 56
    truth = [Path(one).parts[-2] for one in predicted["image"]]
    assert (predicted["label"] == pl.Series(truth)).mean() > 0.7
    alone = TASK.predict(load_model(out), folder / "parts" / predicted["image"][0]).frame
    assert alone["image"].to_list() == [Path(predicted["image"][0]).name]
    assert alone["p(level)"][0] == pytest.approx(predicted["p(level)"][0], abs=1e-5)


def test_parts_have_their_folders_and_a_network_is_named_by_its_kind(folder):
    options = CompareOptions(**{**SMALL, "epochs": 1}, network="lattice", cells=("lstm",), seeds=1)
    comparison = execute(TASK, "compare", folder / "parts", folder / "compared", options)
    assert {one.name for one in comparison.results} == {
        "majority", "logistic", "nearest", "cnn", "lattice-lstm"
    }  # fmt: skip
    assert comparison.data.notes[1] == (
        "training set 34, validation set 6, test set 16 images: the test set by its folder"
    )


def test_rows_need_one_width_and_lattices_none(folder, tmp_path):
    shutil.copytree(folder / "parts" / "train", tmp_path / "bars")
    Image.new("L", (9, 5)).save(tmp_path / "bars" / "upright" / "0.png")
    message = (
        r"0\.png is 8 pixels wide and .*0\.png 9; rows need one width: give a --size to resize all images, or"
    )
    with pytest.raises(GatewiseError, match=message):
        TASK.read(tmp_path / "bars", TrainOptions())
    assert TASK.read(tmp_path / "bars", TrainOptions(size="8")).preprocessing.width == 8
    data = TASK.read(tmp_path / "bars", TrainOptions(network="lattice"))
    assert data.notes[0] == "40 grey images of 2 classes, 5 to 8 x 8 to 9"
    with pytest.raises(GatewiseError, match=r"0\.png is 9 pixels wide; the model was trained on rows of 8"):
        TASK.predict(load_model(folder / "stack"), tmp_path / "bars")


def test_a_folder_of_images_is_meant_by_classify_too(folder, trained):
    _, out, _ = trained
    assert choose_task("classify", folder / "bars", {"epochs": "3"}) is TASK
    assert choose_task("classify", None, {}, runs.read_description(out).task) is TASK


def test_deployed_probabilities_are_those_of_predict(folder, trained):
    _, out, _ = trained
    model, kinds = load_model(out), folder / "parts" / "test"
    predicted = TASK.predict(model, kinds).frame
    images = np.stack([np.asarray(Image.open(kinds / name)) for name in predicted["image"]])
    deployed = TASK.deployed(model)
    padded = torch.full((len(images), 11, 8, 1), 77.0)  # below the images anything
    padded[:, :8] = torch.from_numpy(images.astype(np.float32)).unsqueeze(-1)
    with torch.no_grad():
        (found,) = deployed(padded, torch.full((len(images), 2), 8))
    expected = predicted.select("p(level)", "p(upright)").to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
