"""A user's mistake in translating: one line, exit code 2, nothing half-written."""

import sys

import pytest

ROWS = "".join(f"word{row} a\tein{row} b\n" for row in range(20))
GOOD = "source\ttarget\n" + ROWS


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (None, [], "there is no file 'pairs.tsv'"),
        ("", [], "pairs.tsv can't be read as a table"),
        ("source\ttarget\n", [], "pairs.tsv has no rows below its header"),
        ("source\ttarget\na\tb\n", [], "pairs.tsv: expected at least 5 different sources"),
        ("source\n" + "a\n" * 9, [], "pairs.tsv has only one column, 'source'"),
        ("source\ttarget\n" + "\tb\n" * 9, [], "pairs.tsv: no pair has text on both sides"),
        (GOOD, ["--source", "de"], "has no column 'de' for the source; it has source, target"),
        (
            GOOD.replace("ein7", "\udcfcin7"),
            [],
            "it is not in UTF-8, line 9 (byte 0xfc); give its encoding, such as --encoding latin-1, in which",
        ),
        (GOOD, ["--target-file", "none.en"], "pairs.tsv is a table: give it alone, without --target-file"),
        (GOOD, ["--test-file", "none.tsv"], "none.tsv'; give a CSV or a Parquet file"),
        (GOOD, ["--test-file", "a,b,c"], "expected a table, or two texts with a comma, got "),
        (GOOD, ["--validation-file", "a.de,b.en"], "a.de'; give a text file with a sentence in each line"),
        (
            GOOD,
            ["--tokenizer", "morphemes"],
            "option tokenizer: input should be 'words', 'characters' or 'bpe'",
        ),
        (GOOD, ["--max-length", "1"], "every pair has more than 1 tokens; increase --max-length"),
        (GOOD, ["--attention", "self"], "option attention: input should be 'luong', 'bahdanau' or 'none'"),
        (GOOD, ["--teacher-forcing", "2"], "option teacher_forcing: input should be less than or equal to 1"),
        (
            GOOD,
            ["--reverse-source"],
            "is already bidirectional: give --reverse-source with --no-bidirectional",
        ),
        (GOOD, ["--hidden", "9"], "a bidirectional encoder needs an even number of hidden units, got 9"),
        (GOOD, ["--cell", "mdlstm"], "MDLSTM2 is a cell of a lattice; give a cell of sequences"),
        (GOOD, ["--beam", "0"], "option beam: input should be greater than or equal to 1"),
    ],
)
def test_train(tmp_path, gatewise, text, arguments, message):
    if text is not None:
        (tmp_path / "pairs.tsv").write_bytes(text.encode(errors="surrogateescape"))
    result = gatewise("train", "translate", "pairs.tsv", "--epochs", 1, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("leaderboard.csv"))
    assert not list(tmp_path.rglob("config.yaml"))


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        ("a\nb\n", "x\n", "train.de has 2 lines and "),
        ("", "x\n", "train.de is empty; give a text file"),
        (
            "a\nb\n",
            None,
            "train.de does not have the extension of a table (.csv, .tsv, .tab, .parquet, .pq, .arrow, "
            ".feather, .ipc, .xlsx, .xlsm, .xlsb, .xls, .jsonl, .ndjson)",
        ),
        ("a\n\udce4\n" + "b\n" * 5, "x\n" * 7, "train.de, line 2: byte 1 of the line (0xe4) is not UTF-8"),
        ("\x1f\udc8bnonsense", "x\n", "train.de can't be decompressed"),
    ],
)
def test_two_files(tmp_path, gatewise, sources, targets, message):
    (tmp_path / "train.de").write_bytes(sources.encode(errors="surrogateescape"))
    more = [] if targets is None else ["--target-file", "train.en"]
    (tmp_path / "train.en").write_text(targets or "")
    result = gatewise("train", "translate", "train.de", *more)
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert message in result.stderr
    assert {one.name for one in tmp_path.iterdir()} == {"train.de", "train.en"}


def test_nothing_is_trained_where_it_could_not_be_scored(tmp_path, gatewise, monkeypatch):
    (tmp_path / "pairs.tsv").write_text(GOOD)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    result = gatewise("train", "translate", "pairs.tsv")
    assert result.returncode == 2
    assert "translations are scored by sacrebleu, which is not installed: pip install" in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["pairs.tsv"]


def test_predict(tmp_path, gatewise):
    (tmp_path / "pairs.tsv").write_text(GOOD)
    small = ["--hidden", 4, "--embedding", 4, "--epochs", 1, "--out", "run"]
    assert gatewise("train", "translate", "pairs.tsv", *small).returncode == 0
    (tmp_path / "empty.txt").touch()
    (tmp_path / "other.csv").write_text("x,y\na,b\n")
    (tmp_path / "new.txt").write_text("word1 a\n\n")
    for data, out, message in (
        ("empty.txt", "out.txt", "empty.txt is empty; give a text file"),
        ("other.csv", "out.txt", "other.csv has no column 'source' for the source; it has x, y"),
        ("none.txt", "out.txt", "there is no file 'none.txt'"),
        ("new.txt", "out.docx", "expected --out as a .csv, .parquet or .txt"),
    ):
        result = gatewise("predict", "run", data, "--out", out)
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
        assert message in result.stderr
        assert not (tmp_path / out).exists()
    result = gatewise("predict", "run", "new.txt", "--out", "out.txt")
    assert result.returncode == 0
    assert "2 translations; 1 source is empty, and so is its translation" in result.stdout
    assert (tmp_path / "out.txt").read_text().split("\n")[1:] == ["", ""]
