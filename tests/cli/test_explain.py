"""`gatewise explain` as a user sees it."""

import re

import pytest

from gatewise.cli.main import main


@pytest.fixture
def gatewise(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        return end.value.code, capsys.readouterr()

    return run


def test_a_walk(gatewise):
    code, result = gatewise("explain", "lstm")
    assert code == 0
    order = ["forget: how much", "input: the new content", "update: the memory", "output: what the next step"]
    assert [result.out.index(one) for one in order] == sorted(result.out.index(one) for one in order)
    assert "f = sigmoid(W_f x + R_f h[t-1])" in result.out


def test_vanishing(gatewise, tmp_path):
    code, result = gatewise("explain", "vanishing", "--lags", "4,8", "--steps", "2", "--cells", "rnn,gru")
    assert code == 0
    assert "GRU" in result.out
    assert (tmp_path / "vanishing.png").is_file()


def test_memory(gatewise, tmp_path):
    options = ["--items", "1,3", "--lags", "4,8", "--steps", "2", "--cells", "rnn,gru", "--units", "8"]
    code, result = gatewise("explain", "memory", *options)
    assert code == 0
    assert re.search(r"^GRU 3 +\d+% +\d+%", result.out, re.MULTILINE)
    assert "12.5% by chance" in result.out
    assert (tmp_path / "memory.png").is_file()


def test_the_help_shows_the_options_of_each_experiment(gatewise):
    code, result = gatewise("explain", "--help")
    assert code == 0
    assert "Options of vanishing and memory" in result.out
    assert "memory.png" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lstn"], "there is no cell 'lstn'"),
        (["mdlstm"], "MDLSTM2 runs over a lattice"),
        (
            ["vanishing", "--problem", "maths"],
            "there is no toy problem 'maths'; the toy problems are order, adding, multiplication, copying",
        ),
        (["vanishing", "--lags", "ten"], "expected --lags as whole numbers separated by commas, got 'ten'"),
        (["vanishing", "--lags", "1"], "expected --lags of at least 2 steps, got 1"),
        (
            ["gru", "--lags", "5", "--steps", "600"],
            "only gatewise explain vanishing and memory have --lags, --steps; got 'gru'",
        ),
        (["memory", "--problem", "order"], "only gatewise explain vanishing has --problem; got 'memory'"),
        (["vanishing", "--units", "5"], "only gatewise explain memory has --units; got 'vanishing'"),
        (["memory", "--items", "0,2"], "expected --items of at least 1 item, got 0"),
        (["memory", "--items", "few"], "expected --items as whole numbers separated by commas, got 'few'"),
        (["memory", "--cells", "grid"], "runs over a lattice; memory needs a cell of sequences"),
        (
            ["vanishing", "--cells", "rnn,mdlstm"],
            "MDLSTM2 runs over a lattice; vanishing needs a cell of sequences",
        ),
        (["vanishing", "--out", "x.pdf"], "expected --out as a .png, got 'x.pdf'"),
    ],
)
def test_mistakes(gatewise, tmp_path, arguments, message):
    code, result = gatewise("explain", *arguments)
    assert (code, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err
    assert not list(tmp_path.iterdir())
