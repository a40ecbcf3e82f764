"""The command from end to end, as a user runs it, on real and made files."""

import csv
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from gatewise import backend
from tests.series import frame

OWN = '''
from gatewise.cells import Cell, R, W, prev, sigmoid, tanh, x


class Mine(Cell):
    """One gate that keeps or writes."""

    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    g = tanh(W.g @ x + R.g @ prev.h)
    h = f * prev.h + (1 - f) * g
'''


def in_a_shell(*arguments, folder):
    """What the fixture `gatewise` does, in a process of its own, which takes seconds to begin."""
    command = [sys.executable, "-m", "gatewise", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


SMALL = ["--epochs", 2, "--hidden", 8]


def metrics(folder):
    path = folder / "metrics.csv"
    if not path.is_file():
        return []
    with path.open() as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
        ]


def test_compare_then_evaluate_then_predict_on_real_data(gatewise, tmp_path, real_data):
    data = real_data / "series" / "airline-passengers.csv"
    output = gatewise(
        "compare", "forecast", data, "--horizon", 6, "--cells", "rnn,lstm", "--seeds", 2, *SMALL,
        "--out", "run",
    )  # fmt: skip
    assert output.returncode == 0, output.stderr
    assert "with a MASE of" in output.stdout  # wins or ties
    assert "next: gatewise predict run" in output.stdout
    files = {one.name for one in (tmp_path / "run").iterdir()}
    assert files == {
        "config.yaml", "forecast.png", "leaderboard.csv",
        "model.json", "model.safetensors", "refit", "refit.json", "refit.safetensors", "run.json",
        "trainings",
    }  # fmt: skip
    board = pl.read_csv(tmp_path / "run" / "leaderboard.csv")
    assert set(board["model"]) == {"naive", "seasonal-naive", "ridge", "mlp", "rnn", "lstm"}
    assert board["mase"].is_sorted()
    evaluated = gatewise("evaluate", "run", data)
    assert evaluated.returncode == 0, evaluated.stderr
    predicted = gatewise("predict", "run", data, "--out", "future.csv")
    assert predicted.returncode == 0, predicted.stderr
    future = pl.read_csv(tmp_path / "future.csv")
    assert future["Month"].to_list() == [f"1961-0{month}" for month in range(1, 7)]
    assert future["Passengers"].is_between(200, 900).all()


def test_a_cell_in_a_user_s_file_trains_from_the_command_line(gatewise, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    (tmp_path / "mine.py").write_text(OWN)
    shown = gatewise("cells", "mine.py:Mine")
    assert "f = sigmoid(W_f x + R_f h[t-1])" in shown.stdout
    with backend("reference"):  # compiles nothing
        result = gatewise(
            "train", "forecast", "data.csv", "--horizon", 4, "--cell", "mine.py:Mine", *SMALL, "--out", "run",
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert "Mine" in (tmp_path / "run" / "leaderboard.csv").read_text()
        (tmp_path / "mine.py").unlink()
        assert gatewise("evaluate", "run", "data.csv").returncode == 0


def test_a_grid_is_trained_scored_and_predicts(gatewise, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    with backend("reference"):  # compiles nothing
        result = gatewise(
            "compare", "forecast", "data.csv", "--horizon", 4, "--network", "grid", "--layers", 2,
            "--seeds", 1, *SMALL, "--out", "run",
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        evaluated = gatewise("evaluate", "run", "data.csv")
        predicted = gatewise("predict", "run", "data.csv", "--out", "future.csv")
    board = pl.read_csv(tmp_path / "run" / "leaderboard.csv")
    assert set(board.filter(~pl.col("baseline"))["model"]) == {"grid-rnn", "grid-lstm", "grid-gru"}
    assert evaluated.returncode == 0, evaluated.stderr
    assert "grid-" in evaluated.stdout
    assert predicted.returncode == 0, predicted.stderr
    assert pl.read_csv(tmp_path / "future.csv")["value"].is_between(8, 12).all()


def test_options_from_a_file_are_saved_as_resolved_and_can_be_used_again(gatewise, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    (tmp_path / "small.yaml").write_text("horizon: 4\nepochs: 1\nhidden: 4\n")
    run = ["train", "forecast", "data.csv", "--config"]
    first = gatewise(*run, "small.yaml", "--cell", "gru", "--out", "one")
    assert first.returncode == 0, first.stderr
    second = gatewise(*run, "one/config.yaml", "--out", "two")
    assert second.returncode == 0, second.stderr
    assert (tmp_path / "one/config.yaml").read_text() == (tmp_path / "two/config.yaml").read_text()
    assert metrics(tmp_path / "one") == metrics(tmp_path / "two")
    assert (tmp_path / "one/model.safetensors").read_bytes() == (
        tmp_path / "two/model.safetensors"
    ).read_bytes()


STACK = ["--layers", "2", "--dropout", "0.2", "--hidden", "16"]
GRID = ["--network", "grid", "--layers", "2", "--depth-weights", "untied", "--cell", "gru", "--hidden", "8"]


NETWORKS = {"stack": STACK, "grid": GRID}


def training(network, out):
    """The arguments that train a network for seven epochs on the series of `data.csv`."""
    return [
        "train", "forecast", "data.csv", "--horizon", "4", "--epochs", "7", "--patience", "7", "--no-refit",
        *NETWORKS[network], "--out", out,
    ]  # fmt: skip


# A command line whose process gets a signal in the fifth epoch.
ENDED = """
import os, signal, sys
from gatewise.cli.main import main
from gatewise.training.callbacks import MetricsFile

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell ignores it

own = MetricsFile.on_train_batch_start

def ended(self, trainer, module, batch, number):
    own(self, trainer, module, batch, number)
    if (trainer.current_epoch, number) == (4, 1):
        os.kill(os.getpid(), int(sys.argv[1]))

MetricsFile.on_train_batch_start = ended
main(sys.argv[2:])
"""


# The process that is killed is a separate one, from the command line; the continuation and the whole run stay
# in this process. How a process ends at a signal does not depend on its network, so one for each is enough.
@pytest.mark.parametrize(
    ("end", "network"),
    [(signal.SIGINT, "stack"), pytest.param(signal.SIGKILL, "grid", marks=pytest.mark.thorough)],
)
def test_a_killed_run_resumes_to_the_result_of_an_uninterrupted_one(gatewise, tmp_path, end, network):
    frame(steps=400).write_csv(tmp_path / "data.csv")
    cut = subprocess.run(
        [sys.executable, "-c", ENDED, str(int(end)), *training(network, "cut")],
        cwd=tmp_path, capture_output=True, timeout=300,
    )  # fmt: skip
    assert cut.returncode == (130 if end == signal.SIGINT else -signal.SIGKILL)
    if end == signal.SIGINT:
        assert b"continue with: gatewise train forecast --resume cut" in cut.stdout
    assert len(metrics(tmp_path / "cut")) == 4
    assert not (tmp_path / "cut" / "model.json").exists()
    resumed = gatewise("train", "forecast", "--resume", "cut")
    assert resumed.returncode == 0, resumed.stderr
    assert gatewise(*training(network, "whole")).returncode == 0
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    weights = [(tmp_path / one / "model.safetensors").read_bytes() for one in ("cut", "whole")]
    assert weights[0] == weights[1]
    assert not list((tmp_path / "cut").rglob("*.partial"))


def words(folder):
    """Sequences of one to nine steps, of two classes, 31 of them: the batches are odd."""
    random = np.random.default_rng(0)
    cases = [random.normal(size=(1 + number % 9, 2)) + number % 2 for number in range(31)]
    lines = [
        ":".join(",".join(f"{value:.4f}" for value in channel) for channel in one.T) + f":{number % 2}"
        for number, one in enumerate(cases)
    ]
    path = folder / "words.ts"
    path.write_text("@classLabel true 0 1\n@data\n" + "\n".join(lines) + "\n")
    return path


def started_by_torchrun(folder, command, count=2):
    """As many processes as torchrun would start, with its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    everyone = {
        **os.environ, "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_PORT": port,
        "MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "test", "GROUP_RANK": "0",
    }  # fmt: skip
    started = [
        subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**everyone, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]  # fmt: skip
    output = [one.communicate(timeout=300) for one in started]
    assert [one.returncode for one in started] == [0] * count, output
    return output[0][0]


def prose(folder):
    """A text long enough for five streams."""
    path = folder / "prose.txt"
    path.write_text("".join(f"{number} sheep and {number % 7} dogs\n" for number in range(300)))
    return path


FRACTIONS = ["--test-fraction", 0.1, "--validation-fraction", 0.2]
ODD = {
    words: [
        "classify",
        "words.ts",
        "--batch-size",
        6,
        *FRACTIONS,
        "--min-steps-per-epoch",
        6,
        "--dropout",
        0,
    ],
    prose: ["generate", "prose.txt", "--batch-size", 5, "--steps", 20, "--dropout", 0],
}


# torchrun starts the processes that read odd batches; Lightning starts those that read streams of text.
@pytest.mark.parametrize(
    ("data", "by_torchrun"),
    [(words, True), (prose, False)],
)
@pytest.mark.thorough
def test_several_processes_train_to_the_result_of_one(gatewise, tmp_path, data, by_torchrun):
    data(tmp_path)
    train = ["train", *ODD[data], "--hidden", 4, "--epochs", 2, "--accelerator", "cpu"]
    assert gatewise(*train, "--out", "one").returncode == 0
    both = [*train, "--devices", 2, "--out", "two"]
    if by_torchrun:
        command = [sys.executable, "-m", "gatewise", *map(str, both)]
        result = started_by_torchrun(tmp_path, command)
    else:
        result = in_a_shell(*both, folder=tmp_path).stdout
    assert result.count("written to two/") == 1
    alone, weights = metrics(tmp_path / "one"), load_file(tmp_path / "one/model.safetensors")
    assert len(alone) == 2
    for ours, theirs in zip(metrics(tmp_path / "two"), alone, strict=True):
        for name, value in theirs.items():
            assert float(ours[name]) == pytest.approx(float(value), rel=1e-4), name
    for name, value in load_file(tmp_path / "two/model.safetensors").items():
        torch.testing.assert_close(value, weights[name], atol=1e-5, rtol=1e-4)  # sums in another order


def test_mistakes_end_with_two_and_a_traceback_only_when_asked_for(gatewise, tmp_path):
    plain = gatewise("evaluate", "nowhere", "data.csv")
    assert (plain.returncode, plain.stderr.count("\n")) == (2, 1)
    shown = in_a_shell("cells", "nothing", "--debug", folder=tmp_path)  # which loads no PyTorch
    assert "Traceback" in shown.stderr
    assert "Traceback" not in gatewise("cells", "nothing").stderr
