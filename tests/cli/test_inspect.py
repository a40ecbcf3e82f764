"""`gatewise inspect`: a report of a saved model on a user's data; mistakes in one line."""

import json
import re
import sys
from dataclasses import replace

import pytest

from gatewise.cli.main import main
from gatewise.tasks.forecast.task import TASK


@pytest.fixture
def inspect(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        with pytest.raises(SystemExit) as end:
            main(["inspect", str(folder / name), str(folder / "series.csv"), *map(str, arguments)])
        output = capsys.readouterr()
        return end.value.code, output.out, output.err

    return run


def test_a_report_with_pictures(inspect, tmp_path):
    code, out, err = inspect(
        "run", "--example", 2, "--layer", 1, "--step", 3, "--out", "a.html", "--png", "png"
    )
    assert (code, err) == (0, "")
    text = (tmp_path / "a.html").read_text()
    output = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert output["open"] == {"layer": 1, "step": 3}
    assert output["example"] == "value, window 2 of the test set"
    assert [one["title"] for one in output["layers"]] == ["layer 0", "layer 1"]
    assert "wrote a.html: 2 layers; open it in a browser" in out
    assert "layer 1, c (LSTM): the gradient" in out
    assert {one.name for one in (tmp_path / "png").iterdir()} == {"values.png", "gradient.png", "units.png"}


def test_attribution_of_the_forecast(inspect, tmp_path):
    pytest.importorskip("captum", reason="Captum is not installed")
    code, out, err = inspect("run", "--attribution", "--out", "a.html")
    assert (code, err) == (0, "")
    output = json.loads(
        re.search(r'id="data">(.*?)</script>', (tmp_path / "a.html").read_text(), re.DOTALL)[1]
    )
    sentence = output["attribution"].removeprefix("Attribution: ").partition(". Largest contributions: ")
    last, first = output["times"][-1], output["times"][-4]
    assert sentence[0].startswith(f"the median for {last}, 4 steps ahead (a step is one month): ")
    assert re.search(rf"the forecast for {first} is [\d.]+ \(true: ", output["prediction"])
    assert f"attribution: {sentence[0]}" in out.replace("\n", " ").replace("  ", " ")
    assert "largest contributions: step " in out
    assert output["tracks"][-1]["name"] == "attribution"


def test_without_captum_one_line_names_what_to_install(inspect, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    code, _, err = inspect("run", "--attribution")
    assert code == 2
    assert err == (
        "gatewise: attribution is computed by Captum, which is not installed: "
        "pip install 'gatewise[attribution]'\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_task_without_attribution(inspect, tmp_path, monkeypatch):
    real = TASK.example
    monkeypatch.setattr(type(TASK), "example", lambda self, *given: replace(real(*given), attribute=None))
    code, _, err = inspect("run", "--attribution")
    assert code == 2
    assert err == "gatewise: attribution is not available for this task; leave it out\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--layer", 2), "there is no layer 2; the layers are 0: layer 0, 1: layer 1"),
        (("run", "--step", 12), "layer 0 ran for 12 steps, numbered from 0; got step 12"),
        (("run", "--example", 99), "there are 21 windows in the test set, numbered from 0; there is no"),
        (("run", "--out", "report.pdf"), "expected --out as an .html file, got 'report.pdf'"),
        (("naive",), "has no recurrent layer"),
        (("nowhere",), "there is no model.json"),
    ],
    ids=str,
)  # fmt: skip
def test_mistakes(inspect, tmp_path, arguments, message):
    code, _, err = inspect(*arguments)
    assert code == 2
    assert message in err
    assert err.startswith("gatewise: ")
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_a_folder_of_pictures(inspect, tmp_path):
    (tmp_path / "taken").write_text("")
    code, _, err = inspect("run", "--png", "taken")
    assert code == 2
    assert "expected --png as a folder, got the file 'taken'" in err
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
