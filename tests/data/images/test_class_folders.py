"""Folders of classes, split or not, and the messages where they are not as expected."""

import os

import pytest

from gatewise.data.images.class_folders import read_class_folders
from gatewise.data.images.image_file import is_image
from gatewise.errors import GatewiseError


@pytest.fixture
def read(tmp_path):
    """Makes empty files, and reads their folder."""

    def make(*names, classes=()):
        for name in names:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if name.endswith("/") else path.touch()
        return read_class_folders(tmp_path / "data", is_image, "images", classes)

    return make


def test_classes_and_examples_are_in_the_order_of_their_numbers(read):
    found = read("c10/9.png", "c10/10.png", "c10/1.png", "c9/a.png", "c9/notes.txt", "c9/.hidden.png")
    assert found.classes == ("c9", "c10")
    assert [path.name for path in found.paths] == ["a.png", "1.png", "9.png", "10.png"]
    assert found.labels == (0, 1, 1, 1)
    assert found.sets == ("",) * 4


def test_sets_are_recognized_by_the_names_of_folders(read):
    found = read("train/a/1.png", "train/b/1.png", "Test/b/2.png", "val/a/3.png")
    assert [path.name for path in found.paths] == ["2.png", "1.png", "1.png", "3.png"]
    assert [found.classes[label] for label in found.labels] == ["b", "a", "b", "a"]
    assert found.sets == ("test", "train", "train", "validation")


def test_a_class_may_be_called_train(read):
    found = read("car/1.png", "train/1.png")
    assert found.classes == ("car", "train")
    assert set(found.sets) == {""}


def test_a_model_keeps_its_own_classes(read):
    assert read("b/1.png", classes=("a", "b", "c")).labels == (1,)
    with pytest.raises(GatewiseError, match=r"data/b is not among the classes of the model: a, c"):
        read(classes=("a", "c"))


def test_what_is_left_out_is_counted(read, tmp_path):
    found = read("A/1.png", "a/2.png", "a/3.heic", "a/4.HEIC", "a/.5.png", "a/below/6.png", "list.txt")
    os.mkfifo(tmp_path / "data" / "a" / "pipe.png")
    found = read()
    assert [path.name for path in found.paths] == ["1.png", "2.png"]
    assert found.notes == (
        "left out: files with other extensions: 3 (.heic 2, .txt 1), hidden files: 1, nested folders: 1 "
        "(images in them: 1), broken links, pipes or devices: 1",
        "classes that differ only by case: A, a",
    )


def test_names_that_are_not_utf8_are_refused(read, tmp_path):
    read("a/1.png", "b/1.png")
    os.rename(os.fsencode(tmp_path / "data" / "b"), os.fsencode(tmp_path / "data") + b"/caf\xe9")
    with pytest.raises(GatewiseError, match=r"the name of the class '.*caf.*xe9' is not in UTF-8; rename it"):
        read()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "there is no folder .*data'; give one with a folder for each class"),
        (("1.png",), "data contains no folders of images; put the images of each class into a folder"),
        (("a/1.txt",), "data contains no folders of images"),
        (("a/1.png",), "data has only one class, 'a'; expected two or more"),
        (("a/1.png", "b/"), "data/b contains no images; add some, or remove its class"),
        (("train/a/1.png", "train/b/1.png", "test/c/1.png"), "data/train/c contains no images; add some"),
        (("test/a/1.png", "test/b/1.png"), "data/train/a contains no images"),
    ],
)
def test_missing_parts_are_named(read, names, message):
    with pytest.raises(GatewiseError, match=message):
        read(*names)
