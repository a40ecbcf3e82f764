"""Symbols of a text as numbers and back: characters, bytes, words, byte pairs."""

import sys

import numpy as np
import pytest

from gatewise.data.tokenizers.streams import (
    BytePairs,
    Bytes,
    Characters,
    Words,
    learn_byte_pairs,
    learn_words,
    stream_tokenizer,
)
from gatewise.errors import GatewiseError
from tests.texts import words

MIXED = "naïve façade 日本語, 🙂 and\tplain\n"


@pytest.fixture(scope="module")
def pairs():
    pytest.importorskip("tokenizers")
    return learn_byte_pairs([words(3000)], 280)


def test_characters_are_numbered_by_place_and_others_unknown():
    tokenizer = Characters("".join(sorted(set(MIXED))))
    symbols = tokenizer.encode(MIXED.encode())
    assert symbols.tolist() == [1 + tokenizer.characters.index(one) for one in MIXED]
    assert tokenizer.decode(symbols) == MIXED
    assert tokenizer.encode("a\U0010ffffb\0".encode()).tolist() == [symbols[1], tokenizer.unknown, 0, 0]
    assert not tokenizer.encode("".join(map(chr, range(0x20000, 0x20400))).encode()).any()
    assert tokenizer.decode([0]) == "\ufffd"


def test_numbers_have_the_smallest_type():
    assert Characters("ab").encode(b"abc").dtype == np.uint8
    assert Characters("".join(map(chr, range(300)))).encode(b"abc").dtype == np.uint16


@pytest.mark.parametrize("data", [b"", b"\xff\x00\xc3", MIXED.encode()])
def test_bytes_round_trip(data):
    tokenizer = Bytes()
    assert b"".join(map(tokenizer.to_bytes, tokenizer.encode(data))) == data


def test_byte_pairs_round_trip_any_text(pairs):
    assert len(pairs) == 280
    for text in (MIXED, words(500, seed=1), "  two  spaces\r\n"):
        symbols = pairs.encode(text.encode())
        assert pairs.decode(symbols) == text
    assert len(pairs.encode(words(500, seed=1).encode())) < 250


def test_words_have_the_space_before_them_and_round_trip():
    text = f"{MIXED}To be, or don't—  be_it\n(I\u2019ll say)\r\n"
    tokenizer = learn_words([text, text], 0)
    symbols = tokenizer.encode(text.encode())
    tokens = [tokenizer.decode([one]) for one in symbols]
    assert tokens[-15:] == [
        "To", " be", ",", " or", " don't", "—", " ", " be_it", "\n", "(", "I\u2019ll", " say", ")",
        "\r", "\n",
    ]  # fmt: skip
    assert "".join(tokens) == text
    assert tokenizer.display(int(symbols[-10])) == "—"


def test_rare_words_are_unknown():
    tokenizer = learn_words(["a a b b b c", " c d"], 0)
    assert tokenizer.encode(b"a b b c d").tolist() == [0, 1, 1, 2, 0]  # "a" begins the text only once
    assert tokenizer.decode([1, 0]) == " b \ufffd"
    assert len(learn_words(["a a b b b c", " c d"], 2)) == 2
    with pytest.raises(GatewiseError, match="no word of the training set occurs twice"):
        learn_words(["each word is different"], 0)


def test_a_prime_with_unknown_words_is_refused():
    tokenizer = learn_words(["to be to be, be,", "to be"], 0)
    assert tokenizer.decode(tokenizer.encode_prime("to be,")) == "to be,"
    with pytest.raises(GatewiseError, match=r"has not seen 'not' in training, .* knows 3 words"):
        tokenizer.encode_prime("to not be")


def test_tokenizers_round_trip_as_data(pairs):
    for tokenizer in (Characters("añ"), Bytes(), Words(["a", "añ"]), pairs):
        again = stream_tokenizer(tokenizer.to_data())
        assert type(again) is type(tokenizer)
        assert again.encode("añ".encode()).tolist() == tokenizer.encode("añ".encode()).tolist()
    with pytest.raises(GatewiseError, match="the model's tokenizer can't be read"):
        stream_tokenizer({"kind": "runes"})
    for wrong in ("abc", ["a", 3], None):
        with pytest.raises(GatewiseError, match="the model's tokenizer can't be read"):
            stream_tokenizer({"kind": "words", "words": wrong})


def test_a_prime_with_unknown_characters_is_refused():
    assert Characters("abc ").encode_prime("cab").tolist() == [3, 1, 2]
    with pytest.raises(GatewiseError, match=r"has not seen 'é' in training; it knows 4 characters: abc$"):
        Characters("abc ").encode_prime("cé")


def test_symbols_are_displayed_visibly(pairs):
    tokenizer = Characters("\n\x07 a")
    assert [tokenizer.display(one) for one in range(5)] == ["\ufffd", "↵", "\\x07", "␣", "a"]
    assert pairs.display(int(pairs.encode(b" the")[0])) == "␣the"


def test_byte_pairs_need_their_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(GatewiseError, match=r"pip install 'gatewise\[text\]', or give --tokenizer bytes"):
        BytePairs("{}")
