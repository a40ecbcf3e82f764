"""A user's mistake in labelling and transcribing: one line, exit code 2, nothing half-written."""

import numpy as np
import pytest
from PIL import Image

from tests.sentences import conll, sentences
from tests.signals import blurred, motifs

TEXT = conll(sentences(12))
TABLE = motifs(12).write_csv()


def refused(result, message, folder):
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(folder.rglob("leaderboard.csv"))
    assert not list(folder.rglob("config.yaml"))


@pytest.mark.parametrize(
    ("name", "content", "arguments", "message"),
    [
        ("x.txt", None, [], "there is no file 'x.txt'"),
        ("x.txt", "", [], "x.txt is empty"),
        ("x.txt", "\n\n", [], "x.txt has no tokens; expected a token and its label in each line"),
        ("x.txt", TEXT.replace(" B-PER", " B-PER odd", 1), [], "expected 2 columns separated by spaces"),
        ("x.txt", TEXT.replace("O", "\udce4", 1), [], "is not UTF-8"),
        ("x.txt", TEXT.replace(" B-PER", " O").replace(" B-ORG", " O").replace(" I-PER", " O")
         .replace(" I-ORG", " O"), [], "x.txt has only one label, 'O'"),
        ("x.txt", TEXT, ["--label", "3"], "line 1: expected a label in column 3, got a line of 2 columns"),
        ("x.txt", TEXT, ["--label", "tag"], "the columns of a text have numbers from 1 on; got --label tag"),
        ("x.txt", TEXT, ["--token", "2"], "line 1: column 2 can't be both token and label"),
        ("x.txt", "a X\nb Y\n", [], "got 1; put an empty line between sentences"),
        ("x.txt", TEXT, ["--cell", "mdlstm"], "MDLSTM2 is a cell of a lattice; give a cell of sequences"),
        ("x.txt", TEXT, ["--head", "crf"], "option head: input should be 'steps' or 'ctc', got 'crf'"),
        ("x.txt", TEXT, ["--dropout", "1"], "option dropout: input should be less than 1"),
        ("x.csv", "", [], "x.csv is empty"),
        ("x.csv", TABLE.replace("label", "tag"), [], "a, b, tag has the name of a label; name"),
        ("x.csv", TABLE, ["--channels", "a,c"], "has no column 'c' for the channel"),
        ("x.csv", TABLE.replace("rise", "", 1), [], "column 'label' is empty: give the label"),
        ("x.csv", TABLE.replace("0.", "zero", 1), [], "expected a number, got"),
    ],
)  # fmt: skip
def test_label(tmp_path, gatewise, name, content, arguments, message):
    if content is not None:
        (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    refused(gatewise("train", "label", name, "--epochs", 1, *arguments), message, tmp_path)


@pytest.fixture
def images(tmp_path):
    for number in range(3):
        Image.fromarray(np.full((8, 20), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "targets.csv").write_text("file,text\n0.png,ab\n1.png,b\n2.png,a\n")
    signals, texts = blurred(12)
    (tmp_path / "signals").mkdir()
    signals.write_csv(tmp_path / "signals" / "signals.csv")
    texts.write_csv(tmp_path / "signals" / "texts.csv")
    return tmp_path


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        ("none", [], "there is no file 'none'"),
        ("signals", [], "signals contains 2 tables, signals.csv, texts.csv"),
        ("signals/signals.csv", [], "none of the columns id, time, c0, c1, c2 has the name of a label"),
        ("signals/signals.csv", ["--targets", "none.csv"], "there is no file 'signals/none.csv'"),
        ("targets.csv", ["--stack-frames", "30"], "0.png has 1 step left for its text 'ab', which needs 2"),
        ("targets.csv", ["--id", "image"], "has no column 'image' for the file of an image"),
        ("targets.csv", ["--front", "glasses"], "option front: input should be 'none', 'convolution'"),
        ("targets.csv", ["--front", "lattice", "--cell", "mgu"], "the cell MGU does not run over images"),
        ("targets.csv", ["--embedding", "3"], "--embedding is no option of transcribe, the task"),
    ],
)  # fmt: skip
def test_transcribe(images, gatewise, data, arguments, message):
    refused(gatewise("train", "label", data, "--head", "ctc", "--epochs", 1, *arguments), message, images)


def test_an_image_that_is_not_there(images, gatewise):
    (images / "1.png").unlink()
    refused(
        gatewise("train", "transcribe", "targets.csv"),
        "targets.csv, line 3: there is no image '1.png'",
        images,
    )


def test_an_unknown_label_where_a_model_is_scored(tmp_path, gatewise):
    (tmp_path / "x.txt").write_text(TEXT)
    small = ["--epochs", 1, "--hidden", 3, "--embedding", 3, "--char-hidden", 3]
    assert gatewise("train", "label", "x.txt", "--out", "run", *small).returncode == 0
    (tmp_path / "y.txt").write_text("A B-PER\nwalk VERB\n")
    result = gatewise("evaluate", "run", "y.txt")
    assert result.returncode == 2
    assert "y.txt, line 2: the label 'VERB' is not among those of the model: B-ORG, B-PER" in result.stderr
    (tmp_path / "z.txt").write_text("only\n\nunknown\ntokens\n")
    assert gatewise("predict", "run", "z.txt", "--out", "labelled.txt").returncode == 0
    lines = (tmp_path / "labelled.txt").read_text().splitlines()
    assert [line.split(" ")[0] for line in lines] == ["only", "", "unknown", "tokens", ""]
