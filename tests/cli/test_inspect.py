"""`gatewise inspect`: a report of a saved model on a user's data; mistakes in one line."""

import json
import re

import pytest

from gatewise.cells import LSTM
from gatewise.cli.main import main
from gatewise.networks.forecast.baselines import Naive
from gatewise.networks.saving import SavedModel, save_model
from gatewise.tasks.forecast import TASK, shape_of
from gatewise.training.options import verb_options
from tests.series import frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A series, a model of two layers for it, and one that remembers nothing; neither is trained."""
    folder = tmp_path_factory.mktemp("inspect")
    frame().write_csv(folder / "series.csv")
    options = verb_options("train", TASK.options)(horizon=4, context=12, hidden=6, layers=2)
    data = TASK.read(folder / "series.csv", options)
    reading = TASK.reading(data, options)
    save_model(folder / "run", SavedModel("forecast", "lstm", TASK.network(data, options, LSTM), reading))
    naive = Naive(shape_of(data))
    naive.learn(data.train, data.validation)
    save_model(folder / "naive", SavedModel("forecast", "naive", naive, reading))
    return folder


@pytest.fixture
def inspect(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        with pytest.raises(SystemExit) as end:
            main(["inspect", str(folder / name), str(folder / "series.csv"), *map(str, arguments)])
        told = capsys.readouterr()
        return end.value.code, told.out, told.err

    return run


def test_a_report_with_pictures(inspect, tmp_path):
    code, out, err = inspect(
        "run", "--example", 2, "--layer", 1, "--step", 3, "--out", "a.html", "--png", "png"
    )
    assert (code, err) == (0, "")
    text = (tmp_path / "a.html").read_text()
    told = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert told["open"] == {"layer": 1, "step": 3}
    assert told["example"] == "value, window 2 of the test part"
    assert [one["title"] for one in told["layers"]] == ["layer 0", "layer 1"]
    assert "wrote a.html: 2 layers; open it in a browser" in out
    assert "layer 1, c (LSTM): the gradient" in out
    assert {one.name for one in (tmp_path / "png").iterdir()} == {"values.png", "gradient.png", "units.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--layer", 2), "there is no layer 2; the layers are 0: layer 0, 1: layer 1"),
        (("run", "--step", 12), "layer 0 ran for 12 steps, from 0 on; got step 12"),
        (("run", "--example", 99), "there are 21 windows in the test part, numbered from 0; there is no"),
        (("run", "--out", "report.pdf"), "expected --out as an .html file, got 'report.pdf'"),
        (("naive",), "holds no recurrent layer"),
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


def test_a_file_is_no_folder_of_pictures(inspect, tmp_path):
    (tmp_path / "taken").write_text("")
    code, _, err = inspect("run", "--png", "taken")
    assert code == 2
    assert "expected --png as a folder, got the file 'taken'" in err
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
