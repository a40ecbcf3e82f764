"""Outputs never take the place of what a user has, and are harmless to open."""

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from gatewise.errors import GatewiseError
from gatewise.estimators.outputs import harmless, require_output, write_table
from gatewise.files import write_whole

BESIDE = {"ablate": ".csv", "inspect": ".html", "predict": ".csv"}


@pytest.fixture
def place(folder, tmp_path):
    """A run and its series, in the folder in which commands run."""
    shutil.copytree(folder / "run", tmp_path / "run")
    shutil.copy(folder / "series.csv", tmp_path / "ablation.csv")
    return tmp_path


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("verb", BESIDE)
@pytest.mark.parametrize(
    "way", ["same", "relative", "symbolic link", "hard link", "run", "link into the run"]
)
def test_no_output_takes_the_place_of_an_input(gatewise, place, verb, way):
    data = place / f"data{BESIDE[verb]}"  # whatever it is called, it is read only later
    shutil.copy(place / "ablation.csv", data)
    outs = {"same": data, "relative": place / "run" / ".." / data.name, "run": place / "run" / data.name}
    out = outs.get(way, place / f"out{BESIDE[verb]}")
    if way == "symbolic link":
        out.symlink_to(data)
    elif way == "hard link":
        os.link(data, out)
    elif way == "link into the run":
        (place / "elsewhere").symlink_to(place / "run")
        out = place / "elsewhere" / data.name
    before = snapshot(place)
    result = gatewise(verb, "run", data.name, "--out", out)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("gatewise: expected --out as ")
    assert snapshot(place) == before


def test_the_default_output_is_not_the_data(gatewise, place):
    before = snapshot(place)
    result = gatewise("ablate", "run", "ablation.csv")
    assert result.returncode == 2
    assert "expected --out as a .csv file other than the data, 'ablation.csv'" in result.stderr
    assert snapshot(place) == before


def test_a_default_output_replaces_only_what_gatewise_wrote(gatewise, place):
    (place / "ablation.csv").rename(place / "data.csv")
    (place / "ablation.csv").write_text("subject,region\n1,heart\n")
    result = gatewise("ablate", "run", "data.csv", "--units")
    assert result.returncode == 2
    assert "'ablation.csv' exists and was not written by gatewise" in result.stderr
    assert "heart" in (place / "ablation.csv").read_text()
    assert gatewise("ablate", "run", "data.csv", "--units", "--out", "ablation.csv").returncode == 0
    for flags in ([], ["--units"]):
        assert gatewise("ablate", "run", "data.csv", *flags).returncode == 0
    assert pl.read_csv(place / "ablation.csv").columns == ["layer", "cell", "unit", "loss", "change"]


def test_a_report_and_pictures_are_made_again_but_replace_nothing_else(gatewise, place):
    inspect = ["inspect", "run", "ablation.csv", "--png", "pictures"]
    for _ in range(2):
        result = gatewise(*inspect)
        assert result.returncode == 0, result.stderr
    (place / "pictures" / "units.png").write_bytes(b"a photograph")
    result = gatewise(*inspect)
    assert result.returncode == 2
    assert (
        "units.png' exists and was not written by gatewise: move it, or give another --png" in result.stderr
    )
    (place / "report.html").write_text("<p>my own")
    assert "report.html' exists and was not written" in gatewise("inspect", "run", "ablation.csv").stderr


@pytest.mark.parametrize(
    "out", ["texts/new.txt", "texts/deep/b.txt", "linked/new.txt", "b.txt", "back/new.txt"]
)
def test_nothing_is_written_into_a_folder_of_data(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    (tmp_path / "far").mkdir()
    (tmp_path / "b.txt").write_text("linked from the data")
    (tmp_path / "texts" / "b.txt").symlink_to(tmp_path / "b.txt")
    (tmp_path / "texts" / "far").symlink_to(tmp_path / "far")
    (tmp_path / "linked").symlink_to(tmp_path / "texts")
    (tmp_path / "back").symlink_to(tmp_path / "far")
    with pytest.raises(GatewiseError, match="outside the data, 'texts'"):
        require_output(Path(out), "a file", data=Path("texts"))
    require_output(Path("texts.txt"), "a file", data=Path("texts"))


def test_predict_never_writes_into_a_folder_of_data(gatewise, place):
    (place / "texts").mkdir()
    (place / "texts" / "train.txt").write_text("all my texts")
    result = gatewise("predict", "run", "texts", "--out", "texts/train.txt")
    assert result.returncode == 2
    assert "outside the data, 'texts'; got 'texts/train.txt'" in result.stderr
    assert (place / "texts" / "train.txt").read_text() == "all my texts"


def test_a_run_is_not_started_inside_its_data(gatewise, tmp_path):
    (tmp_path / "images" / "a").mkdir(parents=True)
    result = gatewise("train", "classify", "images", "--out", "images/run")
    assert result.returncode == 2
    assert "expected --out as a folder outside the data, 'images'" in result.stderr
    assert [one.name for one in (tmp_path / "images").iterdir()] == ["a"]


def test_the_same_prediction_may_be_made_twice(gatewise, place):
    for _ in range(2):
        assert gatewise("predict", "run", "ablation.csv", "--out", "out.csv").returncode == 0
    assert pl.read_csv(place / "out.csv").height == 4


def test_texts_that_spreadsheets_would_run_begin_with_an_apostrophe(tmp_path):
    risky = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"]
    plain = ["-1.5", "+2e-3", "-.5", "-", "--", "a=b", "'", "", None]
    assert harmless(pl.Series(risky)).to_list() == [f"'{one}" for one in risky]
    assert harmless(pl.Series(plain)).to_list() == plain
    table = pl.DataFrame({"=A1": risky, "value": [-1.5] * len(risky)})
    write_table(table, tmp_path / "table.csv")
    written = pl.read_csv(tmp_path / "table.csv")
    assert written.columns == ["'=A1", "value"]
    assert written["value"].to_list() == [-1.5] * len(risky)
    assert all(one.startswith("'") for one in written["'=A1"])
    write_table(table, tmp_path / "table.parquet")
    assert pl.read_parquet(tmp_path / "table.parquet").equals(table)


def test_writers_of_one_file_use_names_of_their_own(tmp_path):
    seen = []

    def outer(partial):
        seen.append(partial)
        write_whole(tmp_path / "file", lambda other: (seen.append(other), other.write_text("inner")))
        partial.write_text("outer")

    write_whole(tmp_path / "file", outer)
    assert seen[0] != seen[1]
    assert (tmp_path / "file").read_text() == "outer"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_durations_are_written_as_in_iso_8601(tmp_path):
    hours = pl.Series("t", [1, 100]).cast(pl.Int64) * 3_600_000
    write_table(pl.DataFrame({"t": hours.cast(pl.Duration("ms"))}), tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "t\nPT1H\nP4DT4H\n"
