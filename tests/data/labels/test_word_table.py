"""Tables of words: their columns, their sentences, and every mistake by its line."""

import numpy as np
import polars as pl
import pytest

from gatewise.data.labels.tagged import read_tagged
from gatewise.data.labels.word_table import (
    WordColumns,
    describe_columns,
    find_word_columns,
    read_word_table,
    rows_with_labels,
)
from gatewise.errors import GatewiseError

ROWS = """\
Sentence #,Word,POS,Tag
Sentence: 1,Then,RB,O
,Ann,NNP,B-PER
Sentence: 2,Bob,NNP,B-PER
,saw,VBD,O
"""


@pytest.fixture
def write(tmp_path):
    def to(text):
        path = tmp_path / "words.csv"
        path.write_text(text)
        return path

    return to


def test_columns_are_recognized_and_empty_ids_are_those_above(write):
    path = write(ROWS)
    columns = find_word_columns(path, WordColumns())
    assert columns == WordColumns("Sentence #", "Word", "Tag", unused=("POS",))
    assert describe_columns(columns).endswith("labels in column 'Tag'; not used: 'POS'")
    text = read_word_table(path, columns)
    assert text.tokens == ["Then", "Ann", "Bob", "saw"]
    assert text.labels == ["O", "B-PER", "B-PER", "O"]
    assert text.offsets.tolist() == [0, 2, 4]
    assert text.lines.tolist() == [2, 3, 4, 5]
    assert read_word_table(path, columns, labelled=False).labels is None
    assert find_word_columns(path, WordColumns(label="POS")).label == "POS"


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_row_may_have_lists_of_words(tmp_path, ending):
    path = tmp_path / f"words.{ending}"
    rows = {
        "tokens": [["Then", "Ann"], [], ["Bob"]],
        "ner_tags": [[0, 1], [], [1]],
        "source": ["a", "b", "c"],
    }
    frame = pl.DataFrame(rows, schema_overrides={"tokens": pl.List(pl.String), "ner_tags": pl.List(pl.Int64)})
    write = {"jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[ending]
    write(path)
    columns = find_word_columns(path, WordColumns())
    assert columns == WordColumns("sentence", "tokens", "ner_tags", unused=("source",))
    text = read_word_table(path, columns)
    assert (text.tokens, text.labels) == (["Then", "Ann", "Bob"], ["0", "1", "1"])
    assert text.offsets.tolist() == [0, 2, 3]
    assert text.lines.tolist() == [1, 1, 3]
    assert text.notes == ("each row is a sentence, with lists of words in column 'tokens'",)
    found = rows_with_labels(text, columns, ("predicted", "p"), (["0", "1", "0"], np.ones(3)))
    assert found["predicted"].to_list() == ["0", "1", "0"]
    assert find_word_columns(path, WordColumns(id="source")).id == "source"
    pl.DataFrame({"tokens": [["a", "b"]], "tags": [["O"]]}).write_parquet(tmp_path / "wrong.parquet")
    with pytest.raises(
        GatewiseError, match=r"row 1: 2 words in column 'tokens' and 1 in column 'tags'; give"
    ):
        find_word_columns(tmp_path / "wrong.parquet", WordColumns())


def test_empty_ids_of_several_columns_are_those_above(write):
    path = write("doc,sent,word,tag\nd1,1,Then,O\n,,Ann,B\n,2,Bob,B\nd2,1,saw,O\n,,it,O\n")
    columns = find_word_columns(path, WordColumns(id="doc,sent"))
    assert read_word_table(path, columns).offsets.tolist() == [0, 2, 3, 5]
    for rows, column, line in (("d1,1,a,O\nd2,,b,O", "sent", 3), (",1,a,O\nd1,2,b,O", "doc", 2)):
        path = write(f"doc,sent,word,tag\n{rows}\n")
        with pytest.raises(GatewiseError, match=f"line {line}, column '{column}' is empty: give the id"):
            find_word_columns(path, WordColumns(id="doc,sent"))


def test_typed_tables_are_read_too(tmp_path):
    path = tmp_path / "words.parquet"
    pl.DataFrame({"id": [1, 1, 2], "token": ["a", "b", "c"], "label": ["X", "Y", "X"]}).write_parquet(path)
    text = read_word_table(path, find_word_columns(path, WordColumns()))
    assert (text.tokens, text.offsets.tolist()) == (["a", "b", "c"], [0, 2, 3])


@pytest.mark.parametrize("text", ["id,x,label\n1,2,a\n", "id,word,label\n1,0.5,a\n2,0.7,b\n"])
def test_numbers_are_no_words(write, text):
    assert find_word_columns(write(text), WordColumns(token="1")) is None  # a number is of a text's column


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Sentence #", "place", "has words in column 'Word', but none of .* of sentences; name it with --id"),
        ("Tag\n", "kind_of\n", None),
        (",POS,Tag", ",a,b", "the name of a column of labels; name it with --label COLUMN"),
        ("1,Then", "1,", "line 2, column 'Word' is empty: give the token"),
        (",saw,VBD,O", ",saw,VBD,", "line 5, column 'Tag' is empty: give the label"),
        ("Sentence: 1,Then", ",Then", "line 2, column 'Sentence #' is empty: give the id"),
        (",saw", "Sentence: 1,saw", "line 5: sentence 'Sentence: 1' has rows above, .* --id"),
    ],
)
def test_a_mistake_is_found_by_its_line(write, old, new, message):
    assert old in ROWS
    path = write(ROWS.replace(old, new, 1))
    if message is None:  # another column has the name of labels
        assert find_word_columns(path, WordColumns()).label == "POS"
        return
    with pytest.raises(GatewiseError, match=message) as caught:
        read_word_table(path, find_word_columns(path, WordColumns()))
    assert "\n" not in str(caught.value)


def test_numbers_given_as_tokens(write):
    with pytest.raises(GatewiseError, match="column 'x': expected words as tokens, got numbers"):
        find_word_columns(write("id,x,label\n1,2,a\n1,3,b\n"), WordColumns(token="x"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("word\ttag\nThen\tO\nAnn\tB\n", ["Then", "Ann"]),
        ("Word POS Tag\nThen RB O\n", ["Then"]),
        ("word tag\nThen tag\n", ["word", "Then"]),  # a label, since it occurs again
        ("Word X\nThen O\n", ["Word", "Then"]),
        ("words\nThen\n", ["words", "Then"]),
    ],
)
def test_a_header_of_a_text_is_no_token(tmp_path, text, tokens):
    (tmp_path / "text.tsv").write_text(text)
    found = read_tagged(tmp_path / "text.tsv", label=None if text.count(" ") + text.count("\t") == 0 else 0)
    assert found.tokens == tokens
    assert bool(found.notes) == (len(tokens) < len(text.splitlines()))
