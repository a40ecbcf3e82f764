"""Texts in memory become files from which the readers read the same texts."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gatewise.data.labels.tagged import read_tagged
from gatewise.data.memory.texts import (
    is_pairs,
    is_path,
    is_texts,
    is_tokens,
    write_column,
    write_pairs,
    write_tagged,
    write_texts,
)
from gatewise.data.text.pairs import read_pairs, read_sources
from gatewise.data.text.text_files import TextFiles
from gatewise.errors import GatewiseError

ODD = ["plain", "", "two\nlines\r\n", 'a "quote", and\ttab', "  blanks  ", "\u2028 \x0b é 漢", "NA", "1.5"]


def test_texts_are_written_byte_by_byte(tmp_path):
    folder = write_texts(ODD, tmp_path)
    paths = sorted(folder.iterdir())
    assert [path.read_bytes().decode() for path in paths] == ODD
    text = write_texts("one\r\ntwo", tmp_path)
    files = TextFiles([text])
    assert files.read(0, files.size) == b"one\r\ntwo"


def test_a_column_of_texts_is_read_as_it_is(tmp_path):
    path = write_column(ODD, tmp_path, "source")
    sources, name, _ = read_sources(path, None)
    assert name == "source"
    assert [sources[number] for number in range(len(sources))] == ODD


def test_pairs_are_read_as_they_are(tmp_path):
    given = [(one, one[::-1]) for one in ODD]
    pairs = read_pairs(write_pairs(given, tmp_path), source="source", target="target")
    assert [(pairs.sources[number], pairs.targets[number]) for number in range(len(pairs))] == given


def test_tagged_sentences_are_read_as_they_are(tmp_path):
    sentences = [["#", "7", "dogs"], ["."], ("#hash", "x")]
    labels = [np.array(["X", "B-NUM", "O"]), pd.Series(["with blank"]), [1, 2]]
    text = read_tagged(write_tagged(sentences, labels, tmp_path))
    assert text.tokens == ["#", "7", "dogs", ".", "#hash", "x"]
    assert text.labels == ["X", "B-NUM", "O", "with blank", "1", "2"]
    assert text.offsets.tolist() == [0, 3, 4, 6]
    assert read_tagged(write_tagged(sentences, None, tmp_path)).tokens == text.tokens


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda to: write_texts(["a", 1], to), "text 1: expected a string, got int"),
        (lambda to: write_texts("a\ud800", to),
         r"the text: character 1 is '\ud800', which can't be encoded in UTF-8"),
        (lambda to: write_column([None], to, "source"), "text 0: expected a string, got NoneType"),
        (lambda to: write_pairs([("a", "b"), ("c",)], to), "pair 1: expected (source, target), got ('c',)"),
        (lambda to: write_pairs([("a", None)], to), "pair 0: expected a string, got NoneType"),
        (lambda to: write_pairs(["ab"], to), "pair 0: expected (source, target), got 'ab'"),
        (lambda to: write_tagged([["a"]], [], to), "there are 1 sentences and 0 lists of labels"),
        (lambda to: write_tagged([["a"]], [["X", "Y"]], to),
         "sentence 0 has 1 tokens and 2 labels; give one for each"),
        (lambda to: write_tagged([["a"], []], None, to), "sentence 1 has no tokens; leave it out"),
        (lambda to: write_tagged([["a b"]], None, to),
         "sentence 0: expected tokens without spaces, got 'a b'"),
        (lambda to: write_tagged([["a"]], [[None]], to),
         "sentence 0, label 0 is missing; give one for each example"),
        (lambda to: write_tagged([["a"]], [["x\ty"]], to),
         r"sentence 0: expected labels without tabs or line breaks, got 'x\ty'"),
        (
            lambda to: write_tagged([["-DOCSTART-"]], None, to),
            "sentence 0: the token '-DOCSTART-' separates documents; remove it",
        ),
    ],
)  # fmt: skip
def test_invalid_texts_are_named(write, message, tmp_path):
    with pytest.raises(GatewiseError) as caught:
        write(tmp_path)
    assert str(caught.value) == message


def test_forms_are_recognized_by_type(tmp_path):
    assert is_texts(["a", "b"])
    assert is_texts("a")
    assert not is_texts([])
    assert is_pairs([("a", "b"), ["c", "d"]])
    assert not is_pairs([("a", "b", "c")])
    assert is_tokens([["a", "b"], ["c"]])
    assert not is_tokens(["ab"])
    assert is_path(str(tmp_path))
    assert not is_path("x" * 5000)
    assert not is_path("a\0b")


def test_a_series_of_texts_is_not_a_list_of_texts():
    assert not is_texts(pd.Series(["a"]))
    assert not is_texts(pl.Series(["a"]))
