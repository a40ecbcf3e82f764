"""Which task a command means, by what it is given and not by what it writes."""

import pytest

from gatewise.tasks import meant_task


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder with one of images and one that holds somebody's work."""
    monkeypatch.chdir(tmp_path)
    for name in ("images", "work"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()


@pytest.mark.parametrize(
    ("name", "command", "meant"),
    [
        ("classify", "images", "classify-images"),
        ("classify", "--epochs 3 images --out work", "classify-images"),
        ("classify", "--bidirectional images", "classify-images"),
        ("classify", "steps.csv --out work", "classify"),
        ("classify", "steps.csv --out=work --bidirectional", "classify"),
        ("classify", "--out work --no-bidirectional steps.csv", "classify"),
        ("generate", "rolls.csv", "generate-vectors"),
        ("generate", "book.txt --config table.csv", "generate"),
        ("generate", "--epochs=3 rolls.PARQUET", "generate-vectors"),
        ("forecast", "images.csv", "forecast"),
    ],
)
def test_the_data_decide(folder, name, command, meant):
    assert meant_task(name, command.split()).name == meant
