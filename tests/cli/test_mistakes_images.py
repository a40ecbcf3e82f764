"""A user's mistake with images, clips and captions: one line, exit code 2, nothing half-written."""

import numpy as np
import pytest
from PIL import Image

from tests.bars import write_captions, write_classes
from tests.moving import DOT, moving, write_arrays, write_folders


def nothing(folder):
    folder.mkdir()


def cut_off(folder):
    path = write_classes(folder, 9, side=40) / "level" / "4.png"
    path.write_bytes(path.read_bytes()[:200])


def no_image(folder):
    (write_classes(folder, 9) / "level" / "4.png").write_text("level")


def one_class(folder):
    for path in (write_classes(folder, 9) / "upright").iterdir():
        path.unlink()
    (folder / "upright").rmdir()


def mixed_colours(folder):
    Image.new("RGB", (8, 8)).save(write_classes(folder, 9) / "upright" / "3.png")


def refuse(gatewise, folder, task, data, arguments, message):
    result = gatewise("train", task, data, "--epochs", 1, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(folder.rglob("leaderboard.csv"))
    assert not list(folder.rglob("config.yaml"))


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (lambda folder: write_classes(folder / "level", 3), [], "contains no folders of images; put"),
        (one_class, [], "data has only one class, 'level'; expected two or more"),
        (cut_off, [], "data/level/4.png can't be read as an image: "),
        (no_image, [], "data/level/4.png is not a readable image; remove it from the folder"),
        (mixed_colours, [], "3.png has colours; convert all with --colour grey or --colour colour"),
        (lambda folder: write_classes(folder, 1), [], "2 examples of 2 classes leave none for"),
        (lambda folder: write_classes(folder, 9), ["--size", "big"], "expected a size as 28, 28x40 (height"),
        (lambda folder: write_classes(folder, 9), ["--cell", "mdlstm"], "give lstm, or --network lattice"),
        (
            lambda folder: write_classes(folder, 9),
            ["--network", "lattice", "--cell", "mgu"],
            "the cell MGU does not run over images; give lstm, gru, rnn or a cell of lattices such as mdlstm",
        ),
        (
            lambda folder: write_classes(folder, 9),
            ["--network", "grid", "--cell", "mdlstm"],
            "MDLSTM2 does not fit a grid; give lstm, gru or rnn",
        ),
        (
            lambda folder: write_classes(folder, 9),
            ["--network", "lattice", "--bidirectional"],
            "a lattice scans in all four directions; leave --bidirectional out",
        ),
        (
            lambda folder: write_classes(folder, 9),
            ["--network", "grid", "--pooling", "attention"],
            "a grid has --pooling last or mean; attention is for rows",
        ),
        (
            lambda folder: write_classes(folder, 9),
            ["--depth-weights", "untied"],
            "every layer has its own parameters already; --depth-weights is for a grid",
        ),
    ],
)  # fmt: skip
def test_classify(tmp_path, gatewise, make, arguments, message):
    make(tmp_path / "data")
    refuse(gatewise, tmp_path, "classify", "data", arguments, message)


def clips(count=12):
    return moving([DOT], count, side=9, shortest=4, longest=6, ways=("left", "right"))


def an_empty_clip(folder):
    (write_folders(folder, clips()) / "left" / "empty").mkdir()


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (nothing, [], "data contains no folders of clips; put the clips of each class into a folder"),
        (lambda folder: write_classes(folder, 9), [], "data/level/0.png; use classify for still images"),
        (an_empty_clip, [], "data/left/empty contains no images; put the frames of each clip into a folder"),
        (lambda folder: write_folders(folder, clips()), ["--filters", "0"], "option filters.0: input should"),
        (lambda folder: write_folders(folder, clips()), ["--cell", "mdlstm"], "MDLSTM2 is a cell of a latti"),
    ],
)  # fmt: skip
def test_frames(tmp_path, gatewise, make, arguments, message):
    make(tmp_path / "data")
    refuse(gatewise, tmp_path, "frames", "data", arguments, message)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"frames": np.array([None])}, "clips.npz can't be read as arrays: it contains Python objects"),
        ({"labels": np.array(["left"])}, "clips.npz: expected labels as 12 names or whole numbers, got <U4"),
        ({"labels": np.array(["left"] * 12)}, "all examples are of one class; expected two"),
    ],
)  # fmt: skip
def test_frames_in_arrays(tmp_path, gatewise, arrays, message):
    write_arrays(tmp_path / "clips.npz", clips(), **arrays)
    refuse(gatewise, tmp_path, "frames", "clips.npz", [], message)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (None, [], "data contains no table; give the path of the table of captions"),
        (("3.png,", "x.png,"), [], "data/captions.csv, line 5: there is no image 'data/x.png'"),
        (("file,", "picture,"), [], "captions.csv has no column 'file', it has picture, caption; name one w"),
        ((",caption", ",said"), [], "captions.csv has no column 'caption', it has file, said; name one with"),
        (("", ""), ["--split-column", "split"], "has no column 'split' for the name of the set; it"),
        (("", ""), ["--hidden", "12", "--heads", "4"], "--heads 4 does not divide the 6 units of e"),
        (("", ""), ["--hidden", "9"], "needs an even number of hidden units, got --hidden 9; give 10"),
        (("", ""), ["--cell", "mlstm", "--encoder", "positions", "--attention", "none"],
         "the cell MLSTM does not read its last output, so that it would see nothing of an image; give"),
        (("", ""), ["--encoder", "lines"],
         "option encoder: input should be 'columns' or 'positions', got 'lines'"),
    ],
)  # fmt: skip
def test_caption(tmp_path, gatewise, change, arguments, message):
    table = write_captions(tmp_path / "data", 12) / "captions.csv"
    if change is None:
        table.unlink()
    else:
        table.write_text(table.read_text().replace(*change, 1) if change[0] else table.read_text())
    refuse(gatewise, tmp_path, "caption", "data", arguments, message)


def test_data_that_a_model_cannot_read(tmp_path, gatewise):
    write_classes(tmp_path / "data", 9)
    options = ["--epochs", 1, "--hidden", 4, "--network", "lattice", "--out", "run"]
    assert gatewise("train", "classify", "data", *options).returncode == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "data" / "level").rename(tmp_path / "data" / "slanted")
    for verb, data, message in (
        ("evaluate", "data", "data/slanted is not among the classes of the model: level, upright"),
        ("predict", "empty", "empty contains no images"),
        ("predict", "nowhere", "there is no folder 'nowhere'"),
    ):
        result = gatewise(verb, "run", data, *(["--out", "classes.csv"] if verb == "predict" else []))
        assert result.returncode == 2
        assert message in result.stderr
        assert not (tmp_path / "classes.csv").exists()
