"""Mistakes with sequences and their classes: one line each, exit code 2, nothing half-written."""

from types import SimpleNamespace

import pytest

from gatewise.cli.main import main

GOOD = "id,t,x,y,label\n" + "".join(
    f"s{number},{step},{step * (number % 2)},{step}.5,{'ab'[number % 2]}\n"
    for number in range(20)
    for step in range(4)
)
ARCHIVE = "@classLabel true a b\n@data\n" + "1,2,3:a\n4,5:b\n" * 10


@pytest.fixture
def gatewise(monkeypatch, tmp_path, capsys):
    """Runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(one) for one in arguments])
        output = capsys.readouterr()
        return SimpleNamespace(returncode=end.value.code, stdout=output.out, stderr=output.err)

    return run


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GOOD, "", "data.csv is empty"),
        ("s3,1,1", "s3,1,one", "line 15, column 'x': expected a number, got 'one'; if it is not a channel"),
        ("s3,1,1", "s3,1,", "line 15, column 'x' is empty: give a number, or --fill forward"),
        ("s3,1,", "s3,2,", "line 15 and line 16 have the same t in sequence 's3'; --time COLUMN"),
        (
            "s3,1,1,1.5,b",
            "s3,1,1,1.5,a",
            "sequence 's3' is of class 'b' in line 14 and of class 'a' in line 15",
        ),
        (",b\n", ",a\n", "data.csv: all examples are of one class; expected two or more"),
        (GOOD[GOOD.index("s4") :], "", "4 examples of 2 classes leave none for the validation set; give"),
        ("label", "kind", "none of the columns id, t, x, y, kind has the name of a label; name one"),
    ],
)
def test_tables(tmp_path, gatewise, old, new, message):
    (tmp_path / "data.csv").write_text(GOOD.replace(old, new))
    refused(tmp_path, gatewise("train", "classify", "data.csv"), message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "there is no file 'none.csv'; give a CSV or a Parquet file"),
        (["none.ts"], "there is no file 'none.ts'"),
        (["--label", "kind"], "data.csv has no column 'kind' for the label; it has id, t, x, y, label"),
        (["--channels", "x,z"], "data.csv has no column 'z' for the channel"),
        (["--channels", "x", "--time", "x"], "the column 'x' was given two roles; give it one"),
        (["--fill", "backward"], "option fill: input should be 'forward' or 'mask', got 'backward'"),
        (["--pooling", "sum"], "input should be 'last', 'mean', 'max' or 'attention', got 'sum'"),
        (["--bidirectional", "yes"], "Got unexpected extra argument"),
        (["--test-fraction", "0.7"], "option test_fraction: input should be less than 0.5"),
        (["--test-file", "none.csv"], "there is no file 'none.csv'"),
        (["--test-file", "data.csv"], "data.csv is the training data; give another --test-file, or none"),
        (["--cell", "lstn"], "there is no cell 'lstn'"),
        (["--cell", "mdlstm"], "MDLSTM2 is a cell of a lattice; give a cell of sequences, such as lstm"),
        (["--config", "data.csv"], "expected data.csv to hold `option: value` lines"),
    ],
)
def test_arguments(tmp_path, gatewise, arguments, message):
    (tmp_path / "data.csv").write_text(GOOD)
    data = [] if arguments[0].startswith("none") else ["data.csv"]
    refused(tmp_path, gatewise("train", "classify", *data, *arguments), message)


@pytest.mark.parametrize(
    ("old", "new", "arguments", "message"),
    [
        ("4,5:b", "4,five:b", [], "line 4: could not convert string to float: 'five'; expected numbers"),
        (
            "4,5:b",
            "4,?,6:b",
            [],
            "line 4: the value of step 2 is missing in channel 1; --fill forward fills it",
        ),
        ("4,5:b", "4,5:c", [], "line 4: expected one of the labels a, b, got 'c'"),
        ("@data", "@dat", [], "has no @data line, which a .ts file needs"),
        ("4,5:b", "4,5:b", ["--label", "kind"], "is an archive without column names; leave --label out"),
    ],
)
def test_archives(tmp_path, gatewise, old, new, arguments, message):
    (tmp_path / "data.ts").write_text(ARCHIVE.replace(old, new, 1))
    refused(tmp_path, gatewise("train", "classify", "data.ts", *arguments), message)


def refused(folder, result, message):
    """A mistake is one line, and leaves only what there was."""
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert {one.name for one in folder.iterdir()} <= {"data.csv", "data.ts"}


@pytest.fixture
def trained(tmp_path, gatewise):
    """The folder of a model of the good sequences."""
    (tmp_path / "data.csv").write_text(GOOD)
    small = ("--epochs", 1, "--hidden", 2)
    assert gatewise("train", "classify", "data.csv", *small, "--out", "run").returncode == 0
    return tmp_path


def test_a_model_and_other_data(trained, gatewise):
    (trained / "narrow.csv").write_text(GOOD.replace(",y,", ",z,"))
    (trained / "bare.csv").write_text(GOOD.replace("label", "kind"))
    (trained / "other.csv").write_text(GOOD.replace(",b\n", ",c\n"))
    (trained / "one.ts").write_text(ARCHIVE)
    before = set(trained.iterdir())
    for verb, data, message in (
        ("evaluate", "none.csv", "there is no file 'none.csv'"),
        ("evaluate", "narrow.csv", "narrow.csv has no column 'y' for the channel; it has id, t, x, z, label"),
        ("evaluate", "bare.csv", "bare.csv has no column 'label' for the label"),
        ("evaluate", "other.csv", "other.csv, line 6: the class 'c' was not in training; it had a, b"),
        ("evaluate", "one.ts", "one.ts has sequences of 1 channel; the model expects 2"),
        ("predict", "narrow.csv", "narrow.csv has no column 'y' for the channel"),
        ("predict", "one.ts", "one.ts has sequences of 1 channel; the model expects 2"),
    ):
        result = gatewise(verb, "run", data, *(("--out", "classes.csv") if verb == "predict" else ()))
        assert result.returncode == 2
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert set(trained.iterdir()) == before


def test_what_a_user_sees(trained, gatewise):
    """The same run from a YAML file, overruled by a flag, and all that is printed."""
    (trained / "mine.yaml").write_text(
        "bidirectional: true\nepochs: 1\nhidden: 2\ncells: lstm,gru\nseeds: 1\n"
    )
    result = gatewise(
        "compare", "classify", "data.csv", "--config", "mine.yaml", "--no-bidirectional", "--out", "two"
    )
    assert result.returncode == 0, result.stderr
    assert "bidirectional: false" in (trained / "two" / "config.yaml").read_text()
    for text in (
        "sequences are identified by column 'id', rows are sorted by column 't', labelled by column",
        "20 sequences of 4 steps and 2 channels, of 2 classes",
        "training set 12, validation set 4, test set 4 sequences, stratified by class",
        "the classes of the test set",
        "confusion.png      the confusion matrix",
        "next: gatewise predict two",
    ):
        assert text in result.stdout
    written = {one.name for one in (trained / "two").iterdir()}
    assert written >= {"config.yaml", "confusion.png", "leaderboard.csv", "model.json", "model.safetensors"}
    result = gatewise("predict", "two", "data.csv", "--out", "classes.txt")
    assert result.returncode == 0
    assert set((trained / "classes.txt").read_text().split()) <= {"a", "b"}
    assert len((trained / "classes.txt").read_text().splitlines()) == 20
