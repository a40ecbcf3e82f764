"""How the command ends whatever is raised, and what it shows of names that a terminal would obey."""

import errno
import os
import subprocess
import sys

import pytest
from rich.table import Table

from gatewise.cli import main as command
from gatewise.errors import GatewiseError
from gatewise.terminal import Terminal, printable
from tests.series import frame

CONTROLS = [
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x07", "\\x07"),
    ("\u202egnp", "\\u202egnp"),
    ("\udcff", "\\udcff"),
]
PLAIN = ["größe", "東京", "a\tb\nc", "[red]x[/]", "👍🏽", "nb\u00a0sp"]


@pytest.mark.parametrize(("text", "shown"), [*CONTROLS, *((one, one) for one in PLAIN)])
def test_controls_are_escaped_and_every_letter_is_not(text, shown, capsys):
    assert printable(text) == shown
    table = Table(text, title=text)
    table.add_row(text)
    Terminal(soft_wrap=True, width=300).print(text, table)
    out = capsys.readouterr().out.encode(errors="backslashreplace").decode()
    assert "\x1b" not in out
    assert out.count(shown.split("\n")[0].split("\t")[0]) == 4


class PanicException(BaseException):
    """As polars raises it, which is no Exception."""


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (EOFError("no data left in file"), 1, "this should not happen (EOFError: no data left in file)"),
        (PanicException("index\nout of bounds"), 1, "this should not happen (PanicException: index out of"),
        (RecursionError("too deep"), 1, "this should not happen (RecursionError: too deep)"),
        (MemoryError(), 2, "there is not enough memory (for this); give smaller data or sizes"),
        (MemoryError("Unable to allocate 8 EB"), 2, "there is not enough memory (Unable to allocate 8 EB)"),
        (GatewiseError("\x1b[31m is no column"), 2, "gatewise: \\x1b[31m is no column"),
        (GatewiseError("no file '\udcff.csv'"), 2, "gatewise: no file '\\udcff.csv'"),
        (OSError(errno.ENOSPC, "No space left", "x.csv"), 2, "can't read or write x.csv: No space left"),
        (KeyboardInterrupt(), 130, "gatewise: interrupted"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
        (SystemExit(3), 3, ""),
    ],
)
def test_whatever_is_raised_is_one_line(gatewise, monkeypatch, error, code, expected):
    def fail(given):
        raise error

    monkeypatch.setattr(command, "_app", fail)
    ended = gatewise("cells")
    assert ended.returncode == code
    assert expected in ended.stderr
    assert len(ended.stderr.splitlines()) == bool(expected)


def test_an_eof_inside_a_command_is_not_an_interruption(gatewise, monkeypatch):
    from gatewise.cli import evaluate

    def fail(run):
        raise EOFError("Ran out of input")

    monkeypatch.setattr(evaluate, "load", fail)
    ended = gatewise("evaluate", "run", "data.csv")
    assert (ended.returncode, "EOFError: Ran out of input" in ended.stderr) == (1, True)


def shell(line, folder):
    line = line.replace("gatewise", f"{sys.executable} -m gatewise")
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("gatewise cells | head -c 1 > /dev/null; exit ${PIPESTATUS[0]}", (0, 1), ""),
        ("gatewise cells >&-", (0,), ""),
        ("gatewise cells >&- 2>&-", (0,), ""),
        ("gatewise cells > /dev/full", (2,), "No space left on device"),
    ],
)
def test_an_output_that_nobody_takes(tmp_path, line, code, expected):
    ended = shell(line, tmp_path)
    assert ended.returncode in code
    assert expected in ended.stderr
    assert len(ended.stderr.splitlines()) == bool(expected)


def test_a_file_name_that_is_not_text(gatewise, tmp_path):
    name = os.fsdecode(b"\xff\x1b[31m.csv")
    frame(steps=60).write_csv(tmp_path / "data.csv")
    (tmp_path / "data.csv").rename(tmp_path / name)
    result = gatewise("train", "forecast", name, "--horizon", 3, "--epochs", 1, "--hidden", 4, "--out", "run")
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    result = gatewise("evaluate", "run", name)
    assert result.returncode == 0, result.stderr
    result = gatewise("predict", "run", name, "--out", os.fsdecode(b"out\xfe.csv"))
    assert result.returncode == 0, result.stderr
    assert b"out\xfe.csv" in os.listdir(os.fsencode(tmp_path))
    assert gatewise("train", "forecast", "--resume", "run").returncode == 0


def test_a_column_whose_name_is_hostile(gatewise, tmp_path):
    name = "=\x1b[2J[red]A1[/]"
    frame(steps=60).rename({"value": name}).write_csv(tmp_path / "data.csv")
    result = gatewise(
        "train", "forecast", "data.csv", "--horizon", 3, "--epochs", 1, "--hidden", 4, "--out", "run"
    )
    assert result.returncode == 0, result.stderr
    assert "=\\x1b[2J[red]A1[/]" in result.stdout
    result = [result, gatewise("predict", "run", "data.csv", "--out", "out.csv")]
    result += [gatewise("inspect", "run", "data.csv"), gatewise("evaluate", "run", "data.csv")]
    assert [one.returncode for one in result] == [0] * 4
    assert not any("\x1b" in one.stdout for one in result)
    assert f"'{name}" in (tmp_path / "out.csv").read_text().splitlines()[0].split(",")
