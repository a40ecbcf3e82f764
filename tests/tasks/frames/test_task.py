"""Classifying clips from folders or arrays to files, in Python."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gatewise.errors import GatewiseError
from gatewise.tasks.frames.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from tests.figures import drawn
from tests.moving import DOT, moving, write_animations, write_arrays, write_folders
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"hidden": 8, "features": 8, "filters": (4,), "epochs": 8, "learning_rate": 0.02, "batch_size": 16}
WAYS = ("right", "left")


def clips(count, seed=0):
    return moving([DOT], count, side=9, shortest=4, longest=6, ways=WAYS, seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    write_arrays(folder / "clips.npz", clips(120))
    write_folders(folder / "folders" / "train", clips(20, seed=1))
    write_animations(folder / "folders" / "test", clips(8, seed=2))
    return folder


@pytest.fixture(scope="module")
def comparison(folder):
    options = CompareOptions(**SMALL, cells=("gru",), seeds=1)
    return execute(TASK, "compare", folder / "clips.npz", folder / "run", options)


def test_order_counts(folder, comparison):
    scores = {one.name: one.scores["accuracy"] for one in comparison.results}
    assert scores.keys() == {"majority", "mean frame", "cnn mean", "gru"}
    assert comparison.data.notes == (
        "120 clips of 2 classes, of 4 to 6 grey frames, 9 x 9",
        "training set 84, validation set 18, test set 18 clips: stratified by class",
    )
    assert scores["gru"] > 0.9
    assert max(scores["mean frame"], scores["cnn mean"]) < 0.8  # both ways show the same frames
    assert drawn(TASK, comparison, folder / "run").keys() == {"confusion.png", "highest-loss.png"}


def test_evaluate_scores_the_test_set(folder, comparison):
    again = evaluate(TASK, folder / "run", folder / "clips.npz")
    assert again.results[0].scores == next(one.scores for one in comparison.results if one.name == "gru")
    assert again.data.notes == ("the test set is 18 clips that the model has not seen",)


def test_evaluate_takes_the_test_set_of_other_clips_or_all(folder, comparison):
    assert evaluate(TASK, folder / "run", folder / "folders").data.notes == ("the test set is 8 clips",)
    assert evaluate(TASK, folder / "run", folder / "folders" / "train").data.notes == (
        "the test set is 20 clips",
    )


def test_predict_finds_clips_in_every_form(folder, comparison, tmp_path):
    model = load_model(folder / "run")
    predicted = TASK.predict(model, folder / "folders").frame
    assert predicted.columns == ["clip", "label", "p(left)", "p(right)"]
    assert predicted.height == 28
    truth = [Path(one).parts[-2] for one in predicted["clip"]]
    assert (predicted["label"] == pl.Series(truth)).mean() > 0.9
    with np.load(write_arrays(tmp_path / "a.npz", clips(8, seed=2))) as arrays:
        np.savez(tmp_path / "unlabelled.npz", frames=arrays["frames"], lengths=arrays["lengths"])
    same = TASK.predict(model, tmp_path / "unlabelled.npz").frame
    assert same["clip"].to_list() == [str(number) for number in range(8)]
    test = predicted.filter(pl.col("clip").str.starts_with("test")).sort(pl.col("clip").str.slice(-9))
    assert same["p(left)"].to_list() == pytest.approx(test["p(left)"].to_list(), abs=1e-5)


def test_parts_have_their_folders_and_frames_a_size(folder):
    data = TASK.read(folder / "folders", TrainOptions(size="6x5", frame_stride=2))
    assert data.notes[0].endswith("of 2 classes, of 2 to 3 grey frames, 6 x 5")
    assert "test set 8 clips: the test set by its folder" in data.notes[1]
    assert data.test.sizes.max() == 3


def test_arrays_are_taken_as_they_are(folder, comparison, tmp_path):
    with pytest.raises(
        GatewiseError, match=r"clips\.npz are used as they are; leave --size and --colour out"
    ):
        TASK.read(folder / "clips.npz", TrainOptions(size="6"))
    np.savez(tmp_path / "a.npz", frames=np.zeros((2, 3, 9, 9)))
    with pytest.raises(GatewiseError, match=r"a\.npz has no labels; give it an array labels \[N\]"):
        TASK.read(tmp_path / "a.npz", TrainOptions())
    np.savez(tmp_path / "a.npz", frames=np.zeros((2, 3, 9, 9)), labels=["left", "away"])
    with pytest.raises(GatewiseError, match="the class 'away' was not in training; it had left, right"):
        TASK.load_for_evaluation(load_model(folder / "run"), tmp_path / "a.npz")
