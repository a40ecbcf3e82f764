"""`-` as a file: standard input is copied, and a training keeps what later commands need."""

import io
import sys

import polars as pl
import pytest

from gatewise.data import standard_input
from gatewise.data.standard_input import copy_standard_input
from gatewise.errors import GatewiseError
from tests.series import frame

SMALL = ("--horizon", 4, "--context", 12, "--max-steps", 1, "--hidden", 2, "--cell", "gru")


@pytest.fixture
def pipe(monkeypatch):
    """Pipes bytes into standard input."""

    def pipe(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return pipe


def binary(write):
    content = io.BytesIO()
    write(content)
    return content.getvalue()


def test_a_training_from_standard_input_can_be_used_later(gatewise, pipe, tmp_path):
    content = frame(steps=80).write_csv().encode()
    pipe(content)
    trained = gatewise("train", "forecast", "-", *SMALL, "--out", "run")
    kept = tmp_path / "run" / "fitted-data" / "standard-input.csv"
    assert kept.read_bytes() == content
    assert trained.stdout.split()[-5:] == ["predict", "run", str(kept), "--out", "forecast.csv"]
    for data in ("-", kept):
        pipe(content)
        assert gatewise("predict", "run", data, "--out", "forecast.csv").returncode == 0
        assert pl.read_csv("forecast.csv").height == 4


def test_mistakes_name_standard_input(gatewise, pipe, tmp_path):
    for content, message in (
        (b"", "standard input is empty; pipe data into it, or give a file"),
        (
            b"month,value\n2024-01,1\n2024-02,x\n2024-03,3\n",
            "standard input, line 3, column 'value': expected a number, got",
        ),
    ):
        pipe(content)
        assert f"gatewise: {message}" in gatewise("train", "forecast", "-", *SMALL).stderr
    assert "the task 'frames' does not read standard input; give" in gatewise("train", "frames", "-").stderr
    assert not list((tmp_path / "runs").glob("*"))


def test_a_terminal_and_too_much_are_refused(pipe, tmp_path, monkeypatch):
    pipe(b"12345")
    monkeypatch.setattr(standard_input, "MAX_BYTES", 4)
    with pytest.raises(GatewiseError, match="standard input is larger than 4 bytes; save it in a file"):
        copy_standard_input(tmp_path, ".csv")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with pytest.raises(
        GatewiseError, match="- reads standard input, and nothing is piped into it; give a file"
    ):
        copy_standard_input(tmp_path, ".csv")


@pytest.mark.parametrize(
    ("content", "text", "ending"),
    [
        (b"a,b\n1,2\n", ".csv", ".csv"),
        (b'\n{"a": 1}\n', ".csv", ".jsonl"),
        (b"# A bee\n@relation x\n@frequency daily\n@data\n1,2\n", ".csv", ".tsf"),
        (b"hallo\thello\n", ".tsv", ".tsv"),
        (b"hallo\nhello\t\n", ".tsv", ".txt"),
        (binary(pl.DataFrame({"a": [1]}).write_ipc), ".csv", ".arrow"),
        (binary(pl.DataFrame({"a": [1]}).write_parquet), ".txt", ".parquet"),
    ],
    ids=["csv", "json lines", "archive", "pairs", "sources", "arrow", "parquet"],
)
def test_the_ending_of_its_format(pipe, tmp_path, content, text, ending):
    pipe(content)
    assert copy_standard_input(tmp_path, text).name == f"standard-input{ending}"
