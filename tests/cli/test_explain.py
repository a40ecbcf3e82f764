"""`gatewise explain` as a user sees it."""

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lstn"], "there is no cell 'lstn'"),
        (["mdlstm"], "MDLSTM2 runs over a lattice"),
        (
            ["vanishing", "--problem", "maths"],
            "there is no toy problem 'maths'; the toy problems are order, adding, copying",
        ),
        (["vanishing", "--lags", "ten"], "expected --lags as whole numbers with commas, got 'ten'"),
        (["vanishing", "--lags", "1"], "expected --lags of at least 2 steps, got 1"),
        (
            ["gru", "--lags", "5", "--steps", "600"],
            "only gatewise explain vanishing has --lags, --steps; got the cell 'gru'",
        ),
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
