"""Which variant of a task the data and the options choose."""

import pytest

from gatewise.tasks import choose_task, find_task, variants
from gatewise.tasks.config import merge


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder with one of images, and a table that is called like them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "file").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "data", "given", "chosen"),
    [
        ("classify", "images", {}, "classify-images"),
        ("classify", "images", {"epochs": "3"}, "classify-images"),
        ("classify", "steps.csv", {}, "classify"),
        ("classify", "steps.csv", {"label": "rain"}, "classify"),
        ("classify", "steps.csv", {"label": "rain,snow"}, "classify-multilabel"),
        ("classify", "steps.csv", {"label_separator": ";"}, "classify-multilabel"),
        ("generate", "rolls.csv", {}, "generate-vectors"),
        ("generate", "rolls.PARQUET", {"epochs": "3"}, "generate-vectors"),
        ("generate", "book.txt", {}, "generate"),
        ("label", "strips", {"head": "ctc"}, "transcribe"),
        ("label", "ctc.conll", {"hidden": "4"}, "label"),
        ("forecast", "images.csv", {}, "forecast"),
    ],
)
def test_the_data_choose(folder, name, data, given, chosen):
    assert choose_task(name, folder / data, given).name == chosen


def test_a_run_is_resumed_with_its_task():
    assert choose_task("label", None, {}, "transcribe") is find_task("transcribe")
    assert choose_task("label", None, {}, "label") is find_task("label")
    assert [task.name for task in variants("classify")] == [
        "classify",
        "classify-images",
        "classify-multilabel",
    ]


def test_a_file_of_options_chooses_as_options_do(folder):
    path = folder / "config.yaml"
    path.write_text("label: [rain, snow]\nepochs: 3\n")
    assert choose_task("classify", folder / "steps.csv", merge(path, {})).name == "classify-multilabel"
    assert choose_task("classify", folder / "steps.csv", merge(path, {"label": "rain"})).name == "classify"
