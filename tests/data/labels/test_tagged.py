"""Tagged text: every form of it, and every mistake by its line."""

import re

import pytest

from gatewise.data.labels.tagged import read_tagged
from gatewise.errors import GatewiseError


@pytest.fixture
def read(tmp_path):
    def of(text, **columns):
        path = tmp_path / "text.conll"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_tagged(path, **columns)

    return of


def test_columns_separated_by_spaces(read):
    text = read("-DOCSTART- -X- O\n\n\nJohn  NNP B-PER\nlives\tVBZ O \n\n\nI PRP O\n1984 CD O")
    assert text.tokens == ["John", "lives", "I", "1984"]
    assert text.labels == ["B-PER", "O", "O", "O"]
    assert text.offsets.tolist() == [0, 2, 4]
    assert text.lines.tolist() == [4, 5, 8, 9]
    assert (text.token, text.label, text.tabs) == (1, 3, False)


def test_columns_separated_by_tabs_may_contain_spaces(read):
    text = read("New York\tB\r\n\tO\r\n".replace("\tO", "is\tO") + "\r\nNaN\tO\r\n")
    assert text.tokens == ["New York", "is", "NaN"]
    assert text.labels == ["B", "O", "O"]
    assert text.offsets.tolist() == [0, 2, 3]
    assert text.tabs


def test_conll_u(read):
    text = read(
        "# sent_id = 1\n# text = Vámonos al #mar\n"
        "1-2\tVámonos\t_\t_\n1\tVamos\tir\tVERB\n2\tnos\tnosotros\tPRON\n2.1\tx\tx\tX\n3\t#mar\tmar\tNOUN\n\n"
        "# sent_id = 2\n1\t#\t#\tSYM\n",
        token=2,
        label=4,
    )
    assert text.tokens == ["Vamos", "nos", "#mar", "#"]
    assert text.labels == ["VERB", "PRON", "NOUN", "SYM"]
    assert text.offsets.tolist() == [0, 3, 4]


def test_a_token_may_begin_with_a_comment_sign(read):
    text = read("# a comment of many words\n#hashtag X\n# X\na Y\n")
    assert text.tokens == ["#hashtag", "#", "a"]


@pytest.mark.parametrize(
    ("text", "tokens", "left_out"),
    [
        ("# 0\nThen O\nDan B\n\n# 1\nThen O\n", ["Then", "Dan", "Then"], "2 lines beginning with #"),
        ("# newdoc x\n# id 1\nThen O\nb P\n\n# id 2\na O\n", ["Then", "b", "a"], "3 lines"),
        ("a O\n# 1\nb O\n# 2\nc P\n", ["a", "b", "c"], "2 lines beginning with #, the first in line 2"),
        ("# O\na O\n\n# O\nb P\n", ["#", "a", "#", "b"], ""),
        ("a O\n# SYM\n\n# SYM\nb O\n# SYM\n", ["a", "#", "#", "b", "#"], ""),
        ("#tag B\na O\n\n# of three cells\nb O\n", ["#tag", "a", "b"], "1 line beginning with #"),
    ],
)
def test_a_comment_with_the_columns_of_a_token_is_recognized_by_its_label(read, text, tokens, left_out):
    found = read(text)
    assert found.tokens == tokens
    assert left_out in "".join(found.notes)
    assert bool(found.notes) == bool(left_out)


def test_comments_are_left_out_without_labels(read):
    assert read("# 0\nThen O\nDan B\n\n# 1\n# O\n", label=None).tokens == ["Then", "Dan", "#"]


def test_word_numbers_are_not_tokens(read):
    text = "1\tDas\tdas\tPRON\n2\tHaus\tHaus\tNOUN\n2-3\tzum\t_\t_\n"
    with pytest.raises(GatewiseError, match=r"all tokens in column 1 are numbers, such as '1'; .* --token 2"):
        read(text)
    assert read("1984 CD\n2 CD\n").tokens == ["1984", "2"]


def test_a_mark_at_the_beginning_and_no_break_at_the_end(read):
    assert read("\ufeffa X\nb Y".encode()).tokens == ["a", "b"]


def test_only_spaces_and_tabs_separate_columns(read):
    text = read("10\u00a0000 X\na\u2028b Y\n")
    assert text.tokens == ["10\u00a0000", "a\u2028b"]


def test_without_labels(read):
    text = read("a\nb\n\nc\n", label=None)
    assert text.tokens == ["a", "b", "c"]
    assert text.labels is None


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("", {}, "text.conll is empty"),
        ("\n \n\t\n", {}, "has no tokens; expected a token and its label in each line"),
        ("-DOCSTART- -X- O O\n\n", {}, "has no tokens"),
        ("# 1\n\n# 2\n", {}, "has no tokens; expected a token and its label in each line, got comments only"),
        ("a X\nb\n", {}, "line 2: expected 2 columns separated by spaces, as in line 1, got 1"),
        ("\na\tX\nb c\td\tX\n", {}, "line 3: expected 2 columns separated by tabs, as in line 2, got 3"),
        ("a\tX\nb\t\n", {}, "line 2: the label in column 2 is empty"),
        ("a\tX\n\tX\n", {}, "line 2: the token in column 1 is empty"),
        ("a\nb\n", {}, "line 1: column 1 can't be both token and label; the line has 1 column"),
        ("a X\n", {"token": 3}, "line 1: expected a token in column 3, got a line of 2 columns"),
        ("a X\n", {"label": 7}, "line 1: expected a label in column 7, got a line of 2 columns"),
        ("a X\n", {"token": 2}, "line 1: column 2 can't be both token and label"),
        ("a X\nb Y\n\xe9 Z\n".encode("latin-1"), {}, "line 3"),
        ("a X\n".encode("utf-16"), {}, "line 1"),
    ],
)
def test_mistakes(read, text, columns, message):
    with pytest.raises(GatewiseError, match=re.escape(message)) as error:
        read(text, **columns)
    assert "text.conll" in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(GatewiseError, match=r"there is no file"):
        read_tagged(tmp_path / "none")
