"""A user's mistake: one line, exit code 2, nothing half-written; a traceback only when asked for."""

import os
from pathlib import Path

import pytest

from gatewise.cli.main import main
from gatewise.errors import GatewiseError
from gatewise.tasks import find_task
from gatewise.tasks.options import verb_options
from gatewise.training import runs
from gatewise.training.lock import locked
from tests.series import frame

GOOD = "month,value\n" + "".join(
    f"{2000 + place // 12}-{place % 12 + 1:02d},{place}.5\n" for place in range(60)
)


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (None, [], "there is no file 'data.csv'"),
        ("", [], "data.csv can't be read as a table"),
        ("month,value\n", [], "data.csv has no rows below its header"),
        (GOOD.replace("2001-03,14.5", "2001-03,fourteen"), [], "line 16, column 'value': expected a number"),
        (GOOD.replace("2001-03,14.5\n", ""), [], "1 missing between 2001-02-01 and 2001-04-01"),
        (GOOD.replace("2001-03", "2001-02"), [], "line 15 and line 16 both have the time 2001-02-01"),
        (GOOD.replace("2001-03,14.5", "2001-03,"), [], "line 16, column 'value' is empty"),
        (GOOD.replace("2001-03", "March"), [], "line 16, column 'month': expected a time like %Y-%m"),
        ("\n".join(GOOD.splitlines()[:10]), [], "3 of them in the training set"),
        (GOOD, ["--target", "sold"], "has no column 'sold' for the target; it has month, value"),
        (GOOD, ["--no-header"], "line 1, column '1': expected a time like %Y-%m, got 'month'"),
        (GOOD, ["--missing", "-999,7.5"], "line 9, column 'value' is empty; --fill linear or forward fills"),
        (GOOD, ["--encoding", "latn-1"], "there is no encoding 'latn-1'; give one such as latin-1, cp1252"),
        (GOOD, ["--cells", "lstn"], "there is no cell 'lstn'"),
        (GOOD, ["--cells", "own.py:Cell"], "there is no file 'own.py'"),
        (
            GOOD,
            ["--cells", "mdlstm"],
            "MDLSTM2 is a cell of a lattice; for a series give --network grid",
        ),
        (
            GOOD,
            ["--cells", "grid"],
            "Grid2LSTM is a cell of a lattice; for a series give --network",
        ),
        (GOOD, ["--network", "grid", "--cells", "mgu"], "MGU does not fit a grid; give lstm, gru or rnn"),
        (GOOD, ["--network", "grid", "--cells", "grid"], "Grid2LSTM does not fit a grid; give lstm, gru or"),
        (
            GOOD,
            ["--network", "grid", "--heads", "2"],
            "--heads 2 is for the layers of a stack",
        ),
        (
            GOOD,
            ["--hidden", "6", "--heads", "4"],
            "--heads 4 does not divide the 6 units of each direction of a layer; give one of 1, 2, 3, 6",
        ),
        (
            GOOD,
            ["--cells", "sru", "--heads", "4"],
            "no unit of the cell SRU reads another one, so that --heads 4 changes nothing; leave it out",
        ),
        (GOOD, ["--network", "grid", "--dropout", "0.1"], "dropout=0.1 acts between the layers of a stack"),
        (GOOD, ["--depth-weights", "untied"], "every layer of a stack has its own parameters; --depth-"),
        (
            GOOD,
            ["--network", "tree"],
            "option network: input should be 'stack', 'encoder-decoder' or 'grid', got 'tree'",
        ),
        (GOOD, ["--hidden", "many"], "option hidden: input should be a valid integer"),
        (GOOD, ["--hiden", "3"], "No such option: --hiden"),
        (GOOD, ["--config", "none.yaml"], "there is no file 'none.yaml' to read options from"),
        (
            GOOD,
            ["--resume", "runs/none"],
            "--resume continues a run with its own options; leave out all others",
        ),
    ],
)
def test_compare(tmp_path, gatewise, text, arguments, message):
    if text is not None:
        (tmp_path / "data.csv").write_text(text)
    result = gatewise("compare", "forecast", "data.csv", "--horizon", 3, "--epochs", 1, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("leaderboard.csv"))
    assert not list(tmp_path.rglob("config.yaml"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "forecast"], "there are no data to compare on: give a CSV"),
        (["train", "forecast", "--resume", "nowhere"], "'nowhere' has no run to resume"),
        (["evaluate", "nowhere", "data.csv"], "there is no model.json in 'nowhere'"),
        (["predict", "nowhere", "data.csv", "--out", "x.csv"], "there is no model.json in 'nowhere'"),
        (["predict", "nowhere", "data.csv"], "Missing option '--out'"),
        (["cells", "lstn"], "there is no cell 'lstn'"),
        (["cells", "mdlstm0"], "there is no cell 'mdlstm0'"),
        (["forecast"], "forecast is a task, and a verb comes before it: gatewise train forecast DATA"),
    ],
)  # fmt: skip
def test_other_verbs(tmp_path, gatewise, arguments, message):
    result = gatewise(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_traceback_when_asked_for(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GatewiseError, match=r"there is no model.json"):
        main(["evaluate", "nowhere", "data.csv", "--debug"])


def test_a_folder_that_is_taken(tmp_path, gatewise):
    frame(steps=60).write_csv(tmp_path / "data.csv")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all my work")
    result = gatewise("train", "forecast", "data.csv", "--horizon", 3, "--out", "mine")
    assert result.returncode == 2
    assert "'mine' is not empty; give another --out" in result.stderr
    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_run_that_could_not_begin_does_not_block_its_folder(tmp_path, gatewise):
    frame(steps=60).write_csv(tmp_path / "data.csv")
    run = ["train", "forecast", "data.csv", "--horizon", 3, "--out", "run"]
    result = gatewise(*run, "--accelerator", "abacus")
    assert result.returncode == 2
    assert "can't train on accelerator=abacus" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_that_fails_keeps_what_it_was_started_with(tmp_path, gatewise):
    frame(steps=60).write_csv(tmp_path / "data.csv")
    task = find_task("forecast")
    options = verb_options("train", task.options)(horizon=3, accelerator="abacus")
    runs.write(runs.begin("train", task, tmp_path / "data.csv", options, tmp_path / "run"))
    result = gatewise("train", "forecast", "--resume", "run")
    assert result.returncode == 2
    assert {one.name for one in (tmp_path / "run").iterdir()} >= {"config.yaml", "run.json"}


def test_names_with_special_characters(tmp_path, gatewise):
    frame(steps=60).rename({"value": "a$b^$c [/b]"}).write_csv(tmp_path / "data.csv")
    result = gatewise("train", "forecast", "data.csv", "--horizon", 3, "--epochs", 1, "--out", "[bold]run")
    assert result.returncode == 0, result.stderr
    assert "target is column 'a$b^$c [/b]'" in result.stdout
    assert (tmp_path / "[bold]run" / "forecast.png").exists()


def test_a_place_that_can_not_be_written(tmp_path, gatewise):
    frame(steps=60).write_csv(tmp_path / "data.csv")
    result = gatewise("train", "forecast", "data.csv", "--horizon", 3, "--out", "data.csv/run")
    assert result.returncode == 2
    assert "can't read or write data.csv" in result.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody can write to")
def test_an_answer_that_can_not_be_written(folder, gatewise):
    result = gatewise("predict", str(folder / "run"), str(folder / "series.csv"), "--out", "/proc/x.csv")
    assert result.returncode == 2
    assert result.stderr.startswith("gatewise: can't read or write /proc/x.csv: ")
    assert "None" not in result.stderr


def test_a_table_is_refused_as_a_text_before_the_data_are_read(folder, gatewise):
    result = gatewise("predict", str(folder / "run"), "nowhere.csv", "--out", "x.txt")
    assert result.returncode == 2
    assert result.stderr == (
        "gatewise: a model of the task 'forecast' predicts a table; give --out as a .csv file, got 'x.txt'\n"
    )


def test_predict_never_writes_over_the_data(tmp_path, gatewise):
    frame(steps=60).write_csv(tmp_path / "data.csv")
    before = (tmp_path / "data.csv").read_text()
    result = gatewise("predict", "run", "data.csv", "--out", "data.csv")
    assert result.returncode == 2
    assert "expected --out as a .csv, .parquet or .txt other than the data" in result.stderr
    assert (tmp_path / "data.csv").read_text() == before


def test_version_and_help_without_a_verb(gatewise):
    assert gatewise("--version").stdout.startswith("gatewise 0.")
    assert "compare" in gatewise().stdout


def test_a_run_that_is_in_use(tmp_path, gatewise):
    frame(steps=60).write_csv(tmp_path / "data.csv")
    train = ["train", "forecast", "data.csv", "--horizon", 3, "--out", "run"]
    with locked(tmp_path / "run"):
        result = gatewise(*train)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert f"'run' is in use by process {os.getpid()}; wait until it has ended" in result.stderr
        task = find_task("forecast")
        options = verb_options("train", task.options)(horizon=3)
        runs.write(runs.begin("train", task, tmp_path / "data.csv", options, tmp_path / "run"))
        before = (tmp_path / "run" / "run.json").read_bytes()
        assert "'run' is in use by process" in gatewise("train", "forecast", "--resume", "run").stderr
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert {one.name for one in (tmp_path / "run").iterdir()} == {"config.yaml", "run.json"}


def test_a_file_of_options_does_not_execute_a_cell(tmp_path, gatewise):
    frame(steps=60).write_csv(tmp_path / "data.csv")
    (tmp_path / "mine.py").write_text("open('executed', 'w')")
    (tmp_path / "options.yaml").write_text("horizon: 3\ncell: mine.py:Mine\n")
    result = gatewise("train", "forecast", "data.csv", "--config", "options.yaml")
    assert result.returncode == 2
    assert "options.yaml names the cell 'mine.py:Mine'" in result.stderr
    assert result.stderr.strip().endswith("give --cell mine.py:Mine")
    assert not (tmp_path / "executed").exists()
    assert not (tmp_path / "runs").exists()
