"""A run's folder: started or not at all, and nothing in its files is believed."""

import json
from pathlib import Path

import pytest

from gatewise.cells import LSTM
from gatewise.cells.serialization import to_data
from gatewise.errors import GatewiseError
from gatewise.tasks import find_task
from gatewise.tasks.options import verb_options
from gatewise.training import runs
from gatewise.training.runner import Runner
from tests.series import Quiet, data, frame

TASK = find_task("forecast")
OWN = '''
import pathlib
from gatewise.cells import Cell, R, W, prev, tanh, x

pathlib.Path("executed").write_text("")

class Mine(Cell):
    """A unit."""

    state = ("h",)
    h = tanh(W.h @ x + R.h @ prev.h)
'''


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame(steps=60).write_csv(tmp_path / "data.csv")
    return tmp_path


def begin(folder, cell="lstm", config=None, **more):
    options = verb_options("train", TASK.options)(horizon=3, cell=cell, **more)
    return runs.begin("train", TASK, Path("data.csv"), options, Path(folder), config)


@pytest.fixture
def run(place):
    runs.write(begin("run"))
    return place / "run"


@pytest.mark.parametrize("failing", ["config.yaml", "run.json"])
@pytest.mark.parametrize("killed", [False, True], ids=["failed", "killed"])
def test_a_start_that_failed_at_any_write_can_be_made_again(place, monkeypatch, failing, killed):
    def write(path, fill):
        if path.name == failing:
            raise OSError(28, "No space left on device", str(path))
        whole(path, fill)

    whole = runs.write_whole
    with monkeypatch.context() as patch:
        patch.setattr(runs, "write_whole", write)
        if killed:
            patch.setattr(runs, "discard", lambda run: None)
        with pytest.raises(OSError, match="No space left"):
            runs.write(begin("run"))
    assert not (place / "run" / "run.json").exists()
    runs.write(begin("run", hidden=8))
    assert runs.resume("train", TASK, Path("run")).options.hidden == 8


@pytest.mark.parametrize("name", ["config.yaml", "thesis.txt", "run.json"])
def test_a_folder_with_a_user_s_own_files_is_not_free(place, name):
    (place / "run").mkdir()
    (place / "run" / name).write_text("hidden: 8\n")
    with pytest.raises(GatewiseError, match="'run' is not empty"):
        begin("run")


EQUATIONS = to_data(LSTM)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cells": {"../../../x": EQUATIONS}}, "cells"),
        ({"cells": {"/tmp/x": EQUATIONS}}, "cells"),
        ({"cells": {"..": EQUATIONS}}, "cells"),
        ({"cells": {"a\nb": EQUATIONS}}, "cells"),
        ({"cells": {"x" * 300: EQUATIONS}}, "cells"),
        ({"cells": {}}, "cells"),
        ({"cells": {"lstm": 5}}, "cells: lstm"),
        ({"sha256": "x"}, "sha256"),
        ({"data": ["data.csv"]}, "data"),
        ({"verb": None}, "verb"),
        ({"more": 1}, "more"),
    ],
)
def test_what_run_json_holds_is_checked(run, changes, message):
    described = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**described, **changes}))
    with pytest.raises(GatewiseError, match=rf"has no run to resume \(run.json: {message}") as raised:
        runs.resume("train", TASK, run)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"{}", b"null", b"\0" * 100])
def test_a_run_json_that_is_none(run, text):
    (run / "run.json").write_bytes(text)
    with pytest.raises(GatewiseError, match="has no run to resume"):
        runs.resume("train", TASK, run)


@pytest.mark.parametrize("name", ["checkpoints", "model.json", "trainings"])
def test_links_that_lead_out_of_a_run_are_refused(run, place, name):
    (run / name).symlink_to(place / "elsewhere")
    with pytest.raises(GatewiseError, match=f"{name} is a link that leads out of the run's folder"):
        runs.resume("train", TASK, run)


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", '{"seconds": 1.0}', '{"validation_loss": NaN, "epochs": 1, "seconds": 1.0}',
     '{"validation_loss": 1.0, "epochs": -1, "seconds": 1.0}',
     '{"validation_loss": 1, "epochs": 1, "seconds": "1"}'],
)  # fmt: skip
def test_what_result_json_holds_is_checked(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    runner = Runner(TASK, data(), Quiet(), {})
    with pytest.raises(GatewiseError, match=r"result\.json is damaged; remove it to continue the training"):
        runner.trained("lstm", lambda: None, {tmp_path: verb_options("train", TASK.options)(horizon=3)})


def test_a_file_of_options_executes_no_cell_and_uses_the_equations_of_its_run(place):
    (place / "mine.py").write_text(OWN)
    (place / "options.yaml").write_text("horizon: 3\ncell: mine.py:Mine\n")
    with pytest.raises(
        GatewiseError, match=r"options.yaml names the cell 'mine.py:Mine'.*--cell mine.py:Mine"
    ):
        begin("run", "mine.py:Mine", place / "options.yaml")
    assert not (place / "executed").exists()
    runs.write(begin("run", "mine.py:Mine"))
    (place / "executed").unlink()
    again = begin("again", "mine.py:Mine", place / "run" / "config.yaml")
    assert list(again.cells) == ["Mine"]
    assert (
        to_data(again.cells["Mine"]) == json.loads((place / "run" / "run.json").read_text())["cells"]["Mine"]
    )
    assert not (place / "executed").exists()
    assert list(begin("other", "lstm", place / "run" / "config.yaml").cells) == ["lstm"]


def test_a_new_folder_is_one_that_no_other_process_has(place):
    with runs.new_folder("train", Path("data.csv")) as one, runs.new_folder("train", Path("data.csv")) as two:
        assert (str(one), str(two)) == ("runs/train-data-1", "runs/train-data-2")
    assert not (place / "runs").exists()
