"""Texts of any size: read in blocks, no character cut, split by place."""

import pytest

from gatewise.data.splits import Fractions
from gatewise.data.text import text_files
from gatewise.data.text.text import StreamConfig, find_texts, read_text, read_whole
from gatewise.data.tokenizers.streams import Bytes, Characters, learn_words
from gatewise.errors import GatewiseError
from tests.texts import words

STRANGE = (
    "aé日🙂 \n" * 40 + "no space for very long 日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語 x"
)


@pytest.fixture
def tiny_blocks(monkeypatch):
    """So that a short text has many."""
    monkeypatch.setattr(text_files, "BLOCK", 13)
    monkeypatch.setattr(text_files, "CHUNK", 37)


def written(folder, **texts):
    for name, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / f"{name}.txt").write_bytes(data)
    return find_texts(folder / f"{next(iter(texts))}.txt" if len(texts) == 1 else folder)


@pytest.mark.parametrize("offset", range(8))
def test_blocks_cut_no_character(tmp_path, tiny_blocks, offset):
    whole = "x" * offset + STRANGE
    tokenizer = Characters("".join(sorted(set(whole))))
    text, _ = read_whole(written(tmp_path, one=whole), tokenizer)
    symbols = tokenizer.encode(whole.encode()).tolist()
    assert len(text) == text.characters == len(whole)
    for first in range(0, len(whole), 7):
        for last in range(first, len(whole) + 1, 11):
            assert text.symbols(first, last).tolist() == symbols[first:last]


@pytest.mark.parametrize("kind", ["characters", "bytes", "bpe"])
def test_the_sets_of_a_split_follow_each_other(tmp_path, tiny_blocks, kind):
    if kind == "bpe":
        pytest.importorskip("tokenizers")
    whole, most = 3 * STRANGE, 260 if kind == "bpe" else 0
    found = read_text(written(tmp_path, one=whole), Fractions(0.2, 0.3), StreamConfig(kind, most))
    parts = (found.train, found.validation, found.test)
    output = [found.tokenizer.decode(one.symbols(0, len(one))) for one in parts]
    assert "".join(output) == whole
    assert [one.characters for one in parts] == list(map(len, output))
    total = len(whole.encode())
    assert abs(len(output[0].encode()) - 0.5 * total) < 5
    assert abs(len(output[2].encode()) - 0.3 * total) < 5
    for part, all_before in zip(parts, ("", output[0], "".join(output[:2])), strict=True):
        before = found.tokenizer.decode(part.symbols(-part.before, 0))
        assert all_before.endswith(before)
        assert bool(before) == bool(all_before)


def test_the_last_tenth_is_exactly_that(tmp_path):
    found = read_text(written(tmp_path, one=words(5000)), Fractions(0.05, 0.1), StreamConfig("characters"))
    size = found.train.files.size
    assert len(found.test) == size - int(size * 0.9)


def test_characters_of_later_sets_only_are_unknown(tmp_path):
    text = "abc " * 200 + "abé " * 20 + "ñabc" * 20
    found = read_text(written(tmp_path, one=text), Fractions(0.1, 0.1), StreamConfig("characters"))
    assert isinstance(found.tokenizer, Characters)
    assert found.tokenizer.characters == " abc"
    assert 0 in found.test.symbols(0, len(found.test))
    assert found.notes[0] == "960 characters, 4 different ones known"
    assert "unknown in the test set, read as one symbol, 20 times: ñ" in found.notes


def test_unknown_words_are_one_symbol_and_counted(tmp_path):
    text = "to be or not\n" * 40 + "to sleep now\n" * 5
    found = read_text(written(tmp_path, one=text), Fractions(0.01, 0.08), StreamConfig("words"))
    assert found.tokenizer.decode(found.train.symbols(0, 5)) == "to be or not\n"
    assert "unknown words in the test set, read as one symbol: 8 (53.3%)" in found.notes
    assert found.notes[0] == "585 characters, 5 different words known"
    assert [one.unknown_words for one in (found.train, found.validation, found.test)] == [2, 1, 8]


def test_blocks_cut_no_word_where_there_are_spaces(tmp_path, tiny_blocks):
    text, tokenizer = "to be or not to be " * 30, learn_words(["to be or not to be or not to"], 0)
    found, _ = read_whole(written(tmp_path, one=text), tokenizer)
    assert found.symbols(0, len(found)).tolist() == tokenizer.encode(text.encode()).tolist()
    assert found.unknown_words == 2  # the first word and the last space


def test_the_most_frequent_characters_are_kept(tmp_path):
    found = read_text(
        written(tmp_path, one="aabbbc" * 100), Fractions(0.1, 0.1), StreamConfig("characters", 3)
    )
    assert found.tokenizer.characters == "ab"


def test_files_of_a_folder_are_one_text_in_the_order_of_their_names(tmp_path):
    files = written(tmp_path, b="\ufeffsecond\n", a="first", c="third")
    text, notes = read_whole(files, Bytes())
    assert text.tokenizer.decode(text.symbols(0, len(text))) == "first\nsecond\nthird"
    assert notes == ("3 files, 18 characters, read byte by byte",)
    assert files.where(7) == f"{tmp_path / 'b.txt'}, line 1, byte 4"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "one.txt is empty; there is nothing to learn from"),
        (b"ab", "has 2 bytes, too few for three sets"),
        (
            b"good\nba\xe9d\n" * 9,
            r"one.txt, line 2, byte 7: 0xE9 is not UTF-8; save .* or give --tokenizer bytes",
        ),
        ("good\nbad\n".encode("utf-16") * 9, "line 1, byte 0: 0xFF is not UTF-8"),
        (b"good\nb\0d\n" * 9, r"one.txt, line 2, byte 6: a byte is zero, .* or give --tokenizer bytes"),
        ("good\nbad\n".encode("utf-16-le") * 9, "line 1, byte 1: a byte is zero, so this is not text"),
        (b"\0" * 4000, "line 1, byte 0: a byte is zero"),
        (b"0" * 4000, "the training set only repeats '0'; there is nothing to learn"),
        (b"x" * 40 + "日".encode()[:2], "line 1, byte 40: 0xE6 is not UTF-8"),
    ],
)
def test_data_that_are_not_text(tmp_path, tiny_blocks, data, message):
    with pytest.raises(GatewiseError, match=message):
        read_text(written(tmp_path, one=data), Fractions(0.2, 0.2), StreamConfig("characters"))


def test_files_of_other_names_are_counted(tmp_path):
    for name in ("a.txt", "b.md", "c.TEXT", "below/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(words(500))
    found = read_text(find_texts(tmp_path), Fractions(0.1, 0.1), StreamConfig("characters"))
    assert found.notes[0].startswith("2 files, ")
    assert found.notes[0].endswith("; files with other names, left out: 2 (--files)")


def test_bytes_in_any_encoding(tmp_path):
    data = bytes(range(256)) * 4
    found = read_text(written(tmp_path, one=data), Fractions(0.1, 0.1), StreamConfig("bytes"))
    assert len(found.train) == found.train.characters == int(0.8 * len(data))
    assert "the training set is not in UTF-8: each of its bytes counts as a character" in found.notes


def test_there_must_be_a_file(tmp_path):
    with pytest.raises(GatewiseError, match="there is no file"):
        find_texts(tmp_path / "none.txt")
    with pytest.raises(
        GatewiseError, match=r"there is no file \*\.md in the folder .*; give --files PATTERN"
    ):
        find_texts(tmp_path, "*.md")
    with pytest.raises(GatewiseError, match="expected --files as a pattern like"):
        find_texts(tmp_path, "/etc/*")


def test_reading_reports_its_progress(tmp_path, tiny_blocks):
    heard = []
    read_text(written(tmp_path, one=STRANGE), Fractions(0.1, 0.1), StreamConfig("characters"), heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) > 10
